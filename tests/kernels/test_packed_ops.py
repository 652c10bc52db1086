"""Packed convolutions against F.conv2d of the signs: exact integers, one epilogue."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers import binary_sign
from surge_mmdet.kernels import ops
from surge_mmdet.kernels.ops import Epilogue, Filter, binary_conv, pack_signs, pack_weight

KERNELS = (*ops.compiled_kernels(), 'torch')
every_kernel = pytest.mark.parametrize('kernel', KERNELS)
PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


def identity(outputs):
    return Epilogue(torch.ones(outputs), torch.zeros(outputs))


def tensors(layer, batch=2, height=7, width=6):
    x = torch.randn(batch, height, width, layer.channels)
    w = torch.randn(layer.outputs, *layer.kernel, layer.channels // layer.groups)
    return x, w


def convolve(layer, x, w):
    out = F.conv2d(
        binary_sign(x).permute(0, 3, 1, 2),
        binary_sign(w).permute(0, 3, 1, 2),
        None,
        *layer[4:],
        layer.groups,
    )
    return out.permute(0, 2, 3, 1)


def run(layer, x, w, kernel, epilogue=None, **wanted):
    weight = pack_weight(pack_signs(w, kernel=kernel), layer, kernel)
    bits = pack_signs(x, groups=layer.groups, kernel=kernel)
    return binary_conv(bits, weight, epilogue or identity(layer.outputs), **wanted)


@every_kernel
@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 2),
    st.integers(1, 70),
    st.integers(1, 70),
    PAIRS,
    PAIRS,
    PAIRS,
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.integers(0, 99),
)
def test_any_geometry_gives_the_exact_integers(
    kernel, groups, c, o, size, stride, dilation, pad, seed
):
    for extent, k, d, p in zip((7, 6), size, dilation, pad, strict=True):
        assume(d * (k - 1) < extent + 2 * p)
    torch.manual_seed(seed)
    layer = Filter(groups * c, groups * o, groups, size, stride, pad, dilation)
    x, w = tensors(layer)
    assert run(layer, x, w, kernel)[0].equal(convolve(layer, x, w))


@every_kernel
@pytest.mark.parametrize('threads', [1, 2])
def test_threads_change_nothing(kernel, threads):
    layer = Filter(64, 130, 1, (3, 3), (1, 1), (1, 1))
    x, w = tensors(layer, 3, 20, 17)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert run(layer, x, w, kernel)[0].equal(convolve(layer, x, w))
    finally:
        torch.set_num_threads(before)


@every_kernel
@pytest.mark.parametrize('outputs', [5, 32, 100])
def test_the_epilogue_is_the_written_formula(kernel, outputs):
    torch.manual_seed(0)
    layer = Filter(40, outputs, 1, (3, 3), (2, 1), (1, 1))
    x, w = tensors(layer)
    dot = convolve(layer, x, w)
    per_channel = [torch.randn(outputs) for _ in range(6)]
    scale, bias, shift_in, slope, shift_out, threshold = per_channel
    shortcut = torch.randn_like(dot)
    e = Epilogue(scale, bias, shortcut, shift_in, slope, shift_out, -1.0, 2.0, threshold)
    out, signs = run(layer, x, w, kernel, e, signs=True)
    v = F.prelu((dot * scale + bias + shortcut + shift_in).permute(0, 3, 1, 2), slope)
    v = (v.permute(0, 2, 3, 1) + shift_out).clamp(-1, 2)
    torch.testing.assert_close(out, v, rtol=1e-5, atol=1e-5)
    assert signs.equal(pack_signs(out, threshold, kernel='torch'))
    none, only = run(layer, x, w, kernel, e, out=False, signs=True)
    assert none is None and only.equal(signs)


@every_kernel
@pytest.mark.parametrize('channels, groups', [(1, 1), (31, 1), (32, 1), (33, 1), (70, 2), (6, 3)])
def test_signs_survive_packing(kernel, channels, groups):
    x = torch.randn(3, 2, 5, channels)
    x.view(-1)[:3] = torch.tensor([0.0, -0.0, float('nan')])
    bits = pack_signs(x, groups=groups, kernel=kernel)
    assert bits.dtype == torch.int32 and bits.equal(pack_signs(x, groups=groups, kernel='torch'))
    assert ops.unpack_signs(bits, channels, groups).equal(binary_sign(x))


@every_kernel
def test_nan_and_infinity_take_their_sign_and_pass_the_shortcut(kernel):
    layer = Filter(4, 16, 1, (1, 1))
    x, w = tensors(layer, 1, 1, 3)
    x[0, 0, :, 0] = torch.tensor([float('nan'), float('inf'), -float('inf')])
    dot = convolve(layer, x, w)
    assert run(layer, x, w, kernel)[0].equal(dot)
    shortcut = torch.zeros_like(dot)
    shortcut[0, 0, 0] = float('nan')
    shortcut[0, 0, 1] = -float('inf')
    e = identity(16)._replace(shortcut=shortcut, slope=torch.full((16,), 0.5))
    out = run(layer, x, w, kernel, e)[0]
    assert out[0, 0, 0].isnan().all() and (out[0, 0, 1] == -float('inf')).all()
    assert out[0, 0, 2].isfinite().all()


@every_kernel
def test_an_empty_batch_gives_an_empty_map(kernel):
    layer = Filter(8, 4, 1, (3, 3), (1, 1), (1, 1))
    out, signs = run(layer, torch.zeros(0, 5, 5, 8), torch.zeros(4, 3, 3, 8), kernel, signs=True)
    assert out.shape == (0, 5, 5, 4) and signs.shape == (0, 5, 5, 1)


@pytest.mark.skipif(len(KERNELS) == 1, reason='the kernels were not compiled')
class TestCompiled:
    def arguments(self, **changes):
        layer = Filter(8, 4, 1, (3, 3), (1, 1), (1, 1))
        weight = pack_weight(torch.zeros(4, 3, 3, 1, dtype=torch.int32), layer, KERNELS[0])
        found = dict(
            bits=torch.zeros(1, 5, 5, 1, dtype=torch.int32),
            packed=weight.data,
            outside=weight.outside,
            geometry=layer.numbers,
            kernel=KERNELS[0],
            scale=torch.ones(4),
            bias=torch.ones(4),
            shortcut=None,
            shift_in=None,
            slope=None,
            shift_out=None,
            low=None,
            high=None,
            threshold=None,
            want_out=True,
            want_signs=True,
        )
        return tuple({**found, **changes}.values())

    def test_the_operator_keeps_pytorchs_rules(self):
        torch.library.opcheck(torch.ops.surge_mmdet.binary_conv, self.arguments())
        torch.library.opcheck(
            torch.ops.surge_mmdet.pack_signs, (torch.randn(2, 3, 40), None, 2, KERNELS[0])
        )

    @pytest.mark.parametrize(
        'changes, what',
        [
            (dict(bits=torch.zeros(1, 5, 5, 2, dtype=torch.int32)), 'words per pixel'),
            (dict(bits=torch.zeros(1, 5, 5, 1)), 'bits has another type'),
            (dict(packed=torch.zeros(64, dtype=torch.uint8)), 'another kernel or geometry'),
            (dict(geometry=[8, 4, 1]), 'geometry has 11 numbers'),
            (dict(geometry=[8, 4, 3, 3, 3, 1, 1, 1, 1, 1, 1]), 'groups do not divide'),
            (dict(geometry=[8, 4, 1, 9, 9, 1, 1, 1, 1, 1, 1]), 'larger than the padded input'),
            (dict(kernel='avx1024'), 'no kernel avx1024'),
            (dict(scale=torch.ones(3)), 'scale has 3 values, not 4'),
            (dict(shortcut=torch.ones(1, 5, 5, 3)), 'no multiples of each other: 3, 4'),
            (dict(shortcut=torch.ones(2, 5, 5, 2)), 'shortcut has 100 values, not 50'),
            (dict(scale=None), 'a scale has a bias'),
        ],
    )
    def test_arguments_that_do_not_fit_are_refused(self, changes, what):
        with pytest.raises(RuntimeError, match=what):
            torch.ops.surge_mmdet.binary_conv(*self.arguments(**changes))


def test_a_kernel_can_be_forced_and_an_unknown_one_is_refused(monkeypatch):
    monkeypatch.setenv('SURGE_KERNEL', 'torch')
    assert ops.kernel_name() == 'torch'
    monkeypatch.setenv('SURGE_KERNEL', ' TORCH')
    assert ops.kernel_name() == 'torch'
    monkeypatch.setenv('SURGE_KERNEL', 'avx3')
    with pytest.raises(ValueError, match="unknown 'avx3'; known are .*torch. Write SURGE_KERNEL="):
        ops.kernel_name()
