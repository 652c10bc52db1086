"""Binary layers on the compiled kernels: as without them, in training and evaluation."""

import copy
import sys

import pytest
import torch
from torch import nn

from surge_mmdet.binarizers import ActivationBinarizer, WeightBinarizer, binary_sign
from surge_mmdet.kernels import ops
from surge_mmdet.kernels.sign_conv import sign_conv
from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.registry import BINARIZERS
from surge_mmdet.surge import literal_dpgc, literal_scale

KERNELS = ops.compiled_kernels()
pytestmark = pytest.mark.skipif(not KERNELS, reason='the kernels were not compiled')
ROUNDED = dict(rtol=1e-5, atol=1e-5)
LAYERS = {
    'surge': lambda: BinaryConv2d(32, 24, 3, padding=1),
    'ste': lambda: BinaryConv2d(32, 24, 3, stride=2, bias=False, surge=None),
    'tied': lambda: BinaryConv2d(32, 24, 3, dilation=2, surge=dict(branch='tied')),
    'polynomial': lambda: BinaryConv2d(32, 24, 3, activation=dict(type='SignPolynomial')),
    'groups': lambda: BinaryConv2d(32, 64, 3, groups=2, padding=1),
    'reflect': lambda: BinaryConv2d(32, 24, 3, padding=1, padding_mode='reflect'),
    'linear': lambda: BinaryLinear(150, 24),
    'linear, ste': lambda: BinaryLinear(150, 24, surge=None),
}
every_layer = pytest.mark.parametrize('name', LAYERS)


def build(name):
    torch.manual_seed(0)
    layer = LAYERS[name]()
    x = torch.randn(6, 150) if 'linear' in name else torch.randn(2, 32, 9, 8)
    return layer, (1.3 * x).requires_grad_()


def delta_of(y):
    return torch.cos(torch.arange(y.numel(), dtype=y.dtype)).view_as(y) / 10


def step(layer, x):
    """Output and every gradient of one step, x's first."""
    x = x.detach().clone().requires_grad_()
    y = layer(x)
    y.backward(delta_of(y))
    return [y.detach(), x.grad, *(p.grad for p in layer.parameters() if p.grad is not None)]


@pytest.fixture
def called(monkeypatch):
    """How often a layer went through the kernels."""
    found = []

    def counted(*args):
        found.append(args[-1])
        return sign_conv(*args)

    for name in ('dpgc', 'ops'):  # surge.dpgc is the function, not its module
        monkeypatch.setattr(sys.modules[f'surge_mmdet.surge.{name}'], 'sign_conv', counted)
    return found


@every_layer
def test_a_step_is_the_one_without_kernels(monkeypatch, called, name):
    layer, x = build(name)
    got = step(copy.deepcopy(layer), x)
    assert len(called) == 1
    monkeypatch.setenv('SURGE_KERNEL', 'torch')
    want = step(layer, x)
    assert len(called) == 1 and len(got) == len(want)
    torch.testing.assert_close(got[0], want[0], **ROUNDED)
    # Given the same delta, the backward is the same computation.
    for g, w in zip(got[1:], want[1:], strict=True):
        assert g.equal(w)


@every_layer
def test_evaluation_is_the_one_without_kernels(monkeypatch, called, name):
    layer, x = build(name)
    layer.eval()
    with torch.no_grad():
        got = layer(x)
        assert len(called) == 1
        monkeypatch.setenv('SURGE_KERNEL', 'torch')
        want = layer(x)
    assert len(called) == 1 and got.stride() == want.stride()
    torch.testing.assert_close(got, want, **ROUNDED)
    layer.bias, layer.weight_rule.scale = None, lambda u: None
    with torch.no_grad():
        integers = layer(x)
        monkeypatch.delenv('SURGE_KERNEL')
        assert layer(x).equal(integers) and integers.equal(integers.round())


@pytest.mark.parametrize('name', ['surge', 'ste', 'polynomial', 'groups'])
def test_gradients_are_those_of_the_literal_formula_in_float64(called, name):
    layer, x = build(name)
    got = step(layer, x)
    assert called
    x, weight, bias, aux = (
        None if t is None else t.detach().double().requires_grad_()
        for t in (x, layer.weight, layer.bias, layer.aux_weight)
    )
    binary = layer.weight_rule(weight)
    delta = delta_of(got[0].double())
    parts = (layer.activation, layer.op)
    if aux is None:
        y = layer.op.forward(layer.activation(x), binary, bias)
    else:
        scale = literal_scale(delta, x, binary.detach(), aux, *parts, 0.1, 10.0)
        y = literal_dpgc(x, binary, aux, bias, *parts, scale)
    y.backward(delta)
    want = [y.detach(), x.grad, weight.grad, *(t.grad for t in (bias, aux) if t is not None)]
    for g, w in zip(got, want, strict=True):
        torch.testing.assert_close(g.double(), w, rtol=1e-4, atol=1e-5)


class Threshold(ActivationBinarizer):
    """sign(x - t), one t per channel, learnt."""

    def __init__(self, channels):
        super().__init__()
        self.threshold = nn.Parameter(torch.linspace(-0.3, 0.4, channels))

    def transform(self, v):
        return v - self.threshold.view(1, -1, 1, 1)

    def surrogate_grad(self, grad_output, u):
        return grad_output * (1 - torch.tanh(u).square())


class Centred(WeightBinarizer):
    """sign(W - mean W), one scale for all."""

    def transform(self, v):
        return v - v.mean((1, 2, 3), keepdim=True)

    def scale(self, u):
        return u.abs().mean()


class PerWeight(WeightBinarizer):
    """A scale of its own for every column of a filter: no product of signs."""

    def scale(self, u):
        return u.abs().mean((0, 1, 2), keepdim=True)


@pytest.fixture
def own_binarizers():
    kinds = (Threshold, Centred, PerWeight)
    for kind in kinds:
        BINARIZERS.register_module(module=kind)
    yield
    for kind in kinds:
        BINARIZERS.module_dict.pop(kind.__name__)


def test_thresholds_and_other_weight_rules_learn_on_the_kernels(
    monkeypatch, called, own_binarizers
):
    torch.manual_seed(0)
    options = dict(activation=dict(type='Threshold'), weight_rule=dict(type='Centred'))
    layer, x = BinaryConv2d(32, 24, 3, **options), torch.randn(2, 32, 9, 8)
    got = step(copy.deepcopy(layer), x)
    assert len(called) == 1 and len(got) == 6  # the threshold's gradient too
    monkeypatch.setenv('SURGE_KERNEL', 'torch')
    for g, w in zip(got, step(layer, x), strict=True):
        torch.testing.assert_close(g, w, **ROUNDED)


def test_what_is_no_product_of_signs_stays_with_torch(called, own_binarizers):
    x = torch.randn(2, 32, 9, 8)
    for rule in ('PerWeight', 'RealWeight'):
        layer = BinaryConv2d(32, 24, 3, weight_rule=dict(type=rule))
        step(layer, x)
        layer.eval()
        with torch.no_grad():
            got = layer(x)
        want = layer.op.forward(binary_sign(x), layer.weight_rule(layer.weight), layer.bias)
        assert got.equal(want) and not called


def test_a_frozen_input_or_weight_gets_no_gradient(called):
    layer, x = build('surge')
    layer.weight.requires_grad_(False)
    y = layer(x.detach())
    y.backward(delta_of(y))
    assert called and layer.weight.grad is None
    assert layer.bias.grad.any() and not layer.aux_weight.grad.any()


def test_autocast_and_float64_stay_with_torch(called):
    layer, x = build('surge')
    with torch.autocast('cpu'):
        assert layer(x).dtype == torch.bfloat16
    layer.double()(x.double())
    assert not called


def test_tied_computes_no_gradient_of_its_auxiliary_weight(monkeypatch):
    layer, x = build('tied')
    asked = []
    gradients = layer.branch.gradients
    monkeypatch.setattr(
        layer.branch,
        'gradients',
        lambda delta, x, weight, need: asked.append(need) or gradients(delta, x, weight, need),
    )
    step(layer, x)
    assert asked == [False]


def test_saved_tensors_are_inputs_and_no_signs(called):
    layer, x = build('ste')
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        layer(x)
    assert called
    own = {x.untyped_storage().data_ptr(), layer.weight.untyped_storage().data_ptr()}
    others = [t for t in kept if t.untyped_storage().data_ptr() not in own]
    assert [t.numel() for t in others] == [24]  # alpha


@pytest.mark.parametrize('name', ['surge', 'linear, ste'])
@pytest.mark.parametrize('last', [False, True], ids=('as it is', 'channels last'))
def test_the_output_may_be_changed_in_place(called, name, last):
    layer, x = build(name)
    x = x.detach().requires_grad_()
    given = x.to(memory_format=torch.channels_last) if last and x.dim() == 4 else x
    y = layer(given)
    want = torch.relu(y.detach())
    torch.relu_(y).sum().backward()
    assert called and y.equal(want) and x.grad.any()
