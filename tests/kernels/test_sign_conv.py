"""Whole binary layers on the kernels: exact integers, memory formats, who is let in."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers import binary_sign
from surge_mmdet.kernels import ops
from surge_mmdet.kernels.ops import Filter
from surge_mmdet.kernels.sign_conv import compiled_takes, float_signs, kernels_run, sign_conv

KERNELS = ops.compiled_kernels()
pytestmark = pytest.mark.skipif(not KERNELS, reason='the kernels were not compiled')
CHANNELS_LAST = torch.channels_last
SPECIAL = torch.tensor([0.0, -0.0, float('nan'), float('inf'), -float('inf')])


def layer_of(channels=40, outputs=70, groups=1, kernel=(3, 3), **geometry):
    return Filter(channels, outputs, groups, kernel, **geometry)


def tensors(layer, size=(7, 9), batch=2):
    torch.manual_seed(0)
    x = torch.randn(batch, layer.channels, *size)
    x.view(-1)[: len(SPECIAL)] = SPECIAL[: x.numel()]
    weight = torch.randn(layer.outputs, layer.channels // layer.groups, *layer.kernel)
    return x, weight


def by_torch(x, weight, layer):
    rest = (layer.stride, layer.padding, layer.dilation, layer.groups)
    return F.conv2d(binary_sign(x), binary_sign(weight), None, *rest)


@pytest.mark.parametrize('kernel', KERNELS)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_sums_are_the_integers_of_torch(kernel, data):
    def size(low, high):
        return data.draw(st.integers(low, high))

    groups, dilation = size(1, 3), (size(1, 2), size(1, 2))
    layer = Filter(
        groups * size(1, 70),
        groups * size(1, 70),
        groups,
        (size(1, 5), size(1, 4)),
        (size(1, 3), size(1, 2)),
        (size(0, 2), size(0, 3)),
        dilation,
    )
    least = [d * (k - 1) + 1 for d, k in zip(dilation, layer.kernel, strict=True)]
    x, weight = tensors(layer, [n + size(0, 17) for n in least], size(1, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SURGE_KERNEL', kernel)
        got = sign_conv(x, weight, torch.ones(layer.outputs), None, layer)
    assert got.equal(by_torch(x, weight, layer))


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('of_x', [torch.contiguous_format, CHANNELS_LAST])
@pytest.mark.parametrize('of_weight', [torch.contiguous_format, CHANNELS_LAST])
def test_the_memory_format_is_that_of_a_convolution(monkeypatch, kernel, of_x, of_weight):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    layer = layer_of(groups=2, padding=(1, 1))
    x, weight = tensors(layer)
    x, weight = x.to(memory_format=of_x), weight.to(memory_format=of_weight)
    scale, bias = torch.rand(70), torch.randn(70)
    want = by_torch(x, weight, layer)
    got = sign_conv(x, weight, scale, bias, layer)
    assert got.stride() == want.stride()
    wide = (-1, 1, 1)
    torch.testing.assert_close(got, want * scale.view(wide) + bias.view(wide))


def test_views_are_read_as_what_they_show():
    layer = layer_of()
    x, weight = tensors(layer, (9, 9))
    got = sign_conv(x[:, :, ::2, 1:], weight.flip(2), torch.ones(70), None, layer)
    assert got.equal(by_torch(x[:, :, ::2, 1:], weight.flip(2), layer))


def test_a_linear_layer_is_a_filter_of_one_tap():
    x, weight = torch.randn(5, 150), torch.randn(33, 150)
    got = sign_conv(x, weight, torch.ones(33), None, Filter(150, 33))
    assert got.equal(binary_sign(x) @ binary_sign(weight).t())


@pytest.mark.parametrize('threads', [1, 3])
def test_threads_change_nothing(threads):
    layer = layer_of(64, 96, padding=(1, 1))
    x, weight = tensors(layer, (40, 40))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        got = sign_conv(x, weight, torch.ones(96), None, layer)
    finally:
        torch.set_num_threads(before)
    assert got.equal(by_torch(x, weight, layer))


@pytest.mark.parametrize('shape', [(3, 5), (2, 40, 3, 3), (4, 7, 5, 6), (3, 1, 1, 1), (2, 9, 1, 1)])
@pytest.mark.parametrize('last', [False, True])
def test_float_signs_are_those_of_binary_sign(shape, last):
    x = torch.randn(shape)
    x.view(-1)[:3] = SPECIAL[:3]
    x = x.to(memory_format=CHANNELS_LAST) if last and x.dim() == 4 else x
    scale = torch.rand(shape[0])
    assert float_signs(x).equal(binary_sign(x)) and float_signs(x).stride() == x.stride()
    assert float_signs(x, scale).equal(binary_sign(x) * scale.view(-1, *[1] * (x.dim() - 1)))


X, WEIGHT = torch.randn(1, 64, 5, 5), torch.randn(64, 64, 3, 3)


def test_who_runs_on_the_kernels(monkeypatch):
    layer = layer_of(64, 64)
    assert kernels_run(X, WEIGHT, layer)
    assert not kernels_run(X.double(), WEIGHT, layer)
    assert not kernels_run(X[:0], WEIGHT, layer)
    assert not kernels_run(X.to('meta'), WEIGHT, layer)
    assert not kernels_run(X, WEIGHT, layer_of(64, 64, groups=64))
    assert not kernels_run(X, WEIGHT, layer_of(64, 64, kernel=(1, 1)))
    with torch.autocast('cpu'):
        assert not kernels_run(X, WEIGHT, layer)
    monkeypatch.setenv('SURGE_KERNEL', 'torch')
    assert not kernels_run(X, WEIGHT, layer)


class Other(torch.Tensor):
    """Means something else than its numbers."""


def test_subclasses_of_tensors_are_left_to_torch():
    assert not compiled_takes(X.as_subclass(Other))
    assert compiled_takes(torch.nn.Parameter(X))


OPERATORS = torch.ops.surge_mmdet


def calls():
    layer = layer_of(padding=(1, 1))
    x, weight = tensors(layer)
    rois, finite = torch.tensor([[0.0, 1, 1, 5, 6], [1, 0, 0, 3, 3]]), torch.randn_like(x)
    yield 'sign_conv', (x, weight, torch.ones(70), torch.zeros(70), layer.numbers, KERNELS[0])
    yield 'float_signs', (x, None)
    yield 'float_signs', (x, torch.ones(2))
    yield 'add_scaled', (finite, finite + 1, torch.tensor(0.5))
    yield 'average_regions', (finite, rois, 0.5, 3, 2, 2, True)
    yield 'spread_regions', (torch.randn(2, 40, 3, 2), rois, list(x.shape), 0.5, 2, True)


@pytest.mark.parametrize('number', range(6))
def test_the_operators_keep_the_rules_of_torch(number):
    name, arguments = list(calls())[number]
    torch.library.opcheck(getattr(OPERATORS, name), arguments)


@pytest.mark.parametrize(
    'name, changes',
    [
        ('sign_conv', {0: X}),
        ('sign_conv', {1: WEIGHT}),
        ('sign_conv', {2: torch.ones(3)}),
        ('sign_conv', {4: [1, 2]}),
        ('sign_conv', {5: 'abacus'}),
        ('float_signs', {0: X.double()}),
        ('float_signs', {1: torch.ones(3)}),
        ('add_scaled', {1: X}),
        ('average_regions', {1: torch.tensor([[2.0, 0, 0, 1, 1]])}),
        ('average_regions', {3: 0}),
        ('spread_regions', {2: [2, 3, 7, 9]}),
    ],
)
def test_wrong_arguments_are_refused(name, changes):
    arguments = list(dict(reversed(list(calls())))[name])
    for at, value in changes.items():
        arguments[at] = value
    with pytest.raises(RuntimeError, match=f'{name}|abacus|is not there|11 numbers'):
        getattr(OPERATORS, name)(*arguments)
