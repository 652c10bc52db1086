"""Small layers in every runtime that is installed."""

import pytest
import torch
from torch import nn

from surge_mmdet.analysis.inference_cost import compete_in, layer_contest
from surge_mmdet.analysis.inference_cost.contest import (
    TOLERANCE,
    Pace,
    Unavailable,
    relative_error,
)
from surge_mmdet.analysis.inference_cost.layers import Chain, Geometry, layer_input
from surge_mmdet.analysis.inference_cost.part import Part
from surge_mmdet.analysis.inference_cost.runtimes import (
    LAYERS_ONLY,
    OTHERS,
    TORCH,
    build,
    open_vino_binary,
    packed,
)

SMALL = {
    '3x3': Geometry(64, 64, 6, 8),
    'stride 2': Geometry(32, 48, 7, 9, stride=2),
    '1x1': Geometry(48, 32, 5, 6, kernel=1),
    'linear': Geometry(64, 32, rows=5),
}
PACKAGE = {'ONNX Runtime': 'onnxruntime', 'OpenVINO': 'nncf', 'ncnn': 'ncnn'}
PACE = Pace(rounds=1, warmup=0)
RUNTIMES = {runtime.label: runtime for runtime in (*TORCH, *OTHERS, *LAYERS_ONLY)}


def need(label: str) -> None:
    """Skip unless the packages of requirements/benchmark.txt are there."""
    for word, package in PACKAGE.items():
        if label.startswith(word):
            pytest.importorskip(package, reason=f'{label}: pip install -r requirements/benchmark')
            pytest.importorskip('onnxscript', reason='pip install -r requirements/benchmark.txt')


def part_of(name: str, residual: bool = False) -> Part:
    geometry = SMALL[name]
    return Part(Chain.of(geometry, residual), layer_input(geometry))


@pytest.mark.parametrize('name', SMALL)
@pytest.mark.parametrize('label', [n for n in RUNTIMES if 'compiled' not in n])
def test_each_runtime_gives_the_layer(label, name):
    need(label)
    part = part_of(name)
    runtime = RUNTIMES[label]
    found = build(runtime, part, PACE)(part.example)
    error = relative_error([t.float() for t in found], part.want)
    assert error <= getattr(TOLERANCE, runtime.kind)
    if runtime.kind == 'int8':
        assert error > 1e-4  # it did round


@pytest.mark.parametrize('label', [n for n in RUNTIMES if 'compiled' not in n])
def test_each_runtime_gives_a_chain_of_residual_layers(label):
    need(label)
    part = part_of('3x3', residual=True)
    runtime = RUNTIMES[label]
    found = build(runtime, part, PACE)(part.example)
    assert relative_error([t.float() for t in found], part.want) <= getattr(TOLERANCE, runtime.kind)


@pytest.mark.slow
@pytest.mark.parametrize('label', [n for n in RUNTIMES if 'compiled' in n])
def test_compiled_layers_too(label):
    part = part_of('3x3', residual=True)
    runtime = RUNTIMES[label]
    try:
        found = build(runtime, part, PACE)(part.example)
    except Exception as error:
        pytest.skip(f'torch.compile cannot run here: {type(error).__name__}')
    assert relative_error([t.float() for t in found], part.want) <= getattr(TOLERANCE, runtime.kind)


@pytest.mark.parametrize('name', SMALL)
def test_ours_give_what_signs_give(name):
    part = part_of(name)
    want = Part(part.module.of_signs(), part.example).want
    run, values = packed.from_bits(part.module, part.example)
    run()
    for found in (values(), packed.from_floats(part.module)(part.example)):
        assert relative_error(found, want) <= TOLERANCE.binary


def test_our_chain_gives_what_signs_give():
    part = part_of('3x3', residual=True)
    want = Part(part.module.of_signs(), part.example).want
    assert relative_error(packed.fused_chain(part.module)(part.example), want) <= 1e-5


def test_layers_of_signs_are_the_packages_own():
    conv = part_of('3x3').module.layers[0]
    x = layer_input(SMALL['3x3'])
    signs = Chain([conv]).of_signs()(x)
    torch.testing.assert_close(signs, packed.packed_layer(conv)(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('name', [n for n in SMALL if n != 'linear'])
def test_open_vino_binary_is_exact_with_bits(name):
    need('OpenVINO')
    part = part_of(name)
    bits = Part(part.module.of_signs(low=0.0), part.example)
    found = open_vino_binary.bits(bits, 1)(part.example)
    assert relative_error(found, bits.want) <= TOLERANCE.binary
    # 2 y - conv(1, W) is the convolution of signs.
    (layer,), (signs,) = bits.module.layers, part.module.of_signs().layers
    y = (found[0] - layer.bias) / layer.alpha
    ones = nn.functional.conv2d(
        torch.ones_like(part.example),
        layer.signs,
        None,
        layer.layer.stride,
        layer.layer.padding,
    )
    want = (signs(part.example) - signs.bias) / signs.alpha
    torch.testing.assert_close(2 * y - ones, want, rtol=1e-4, atol=1e-3)


def test_open_vino_has_no_binary_linear_layer():
    need('OpenVINO')
    part = part_of('linear')
    with pytest.raises(Unavailable, match='no binary linear layer'):
        open_vino_binary.bits(Part(part.module.of_signs(low=0.0), part.example), 1)


@pytest.mark.parametrize('residual', [False, True])
def test_a_whole_contest_has_a_row_for_everybody(residual, monkeypatch):
    quick = [r for r in layer_contest.RUNTIMES if 'compiled' not in r.label]
    monkeypatch.setattr(layer_contest, 'RUNTIMES', quick)
    found = compete_in(SMALL['3x3'], residual, PACE)
    ours = {layer_contest.FUSED} if residual else {layer_contest.BITS_IN, layer_contest.FLOAT_IN}
    others = {r.label for r in quick} | {layer_contest.BINARY, layer_contest.SIMULATED}
    chain = set() if residual else {layer_contest.BINARY_CHAIN}
    assert set(found) == ours | others | chain <= set(layer_contest.LABELS)
    for label, outcome in found.items():
        installed = not outcome.why.startswith('not installed')
        assert outcome.counts or not installed, f'{label}: {outcome.why}'
        assert len(outcome.seconds) == outcome.counts


def test_a_kernel_with_wrong_values_is_caught(monkeypatch):
    """Ours as any other: one weight's sign turned is seen, and the time is not shown."""
    twin = packed.packed_layer

    def broken(layer):
        found = twin(layer)
        found.bits[0, 0, 0, 0] ^= 1
        return found

    monkeypatch.setattr(packed, 'packed_layer', broken)
    monkeypatch.setattr(layer_contest, 'RUNTIMES', TORCH[:1])
    found = compete_in(SMALL['3x3'], False, PACE)
    for label in (layer_contest.BITS_IN, layer_contest.FLOAT_IN):
        assert found[label].why.startswith('wrong values') and not found[label].seconds
    assert found['torch float32'].counts


def test_who_has_no_switch_stays_out_of_the_avx2_column():
    part = part_of('3x3')
    held = PACE._replace(isa='avx2')
    for runtime in RUNTIMES.values():
        if runtime.native_only:
            with pytest.raises(Unavailable, match='no switch to AVX2'):
                build(runtime, part, held)
    assert {r.label for r in RUNTIMES.values() if r.native_only} == {
        'ONNX Runtime float32', 'ONNX Runtime int8', 'ncnn float32', 'ncnn int8',
    }  # fmt: skip


def test_a_package_that_is_missing_is_named(monkeypatch):
    def missing(part, threads):
        import a_package_that_is_not_there  # noqa: F401

    gone = OTHERS[0]._replace(make=missing)
    monkeypatch.setattr(layer_contest, 'RUNTIMES', (gone,))
    found = compete_in(SMALL['3x3'], False, PACE)
    assert found[gone.label].why == 'not installed (a_package_that_is_not_there)'
