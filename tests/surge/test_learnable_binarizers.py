"""Binarizers that learn or change over time, under DPGC: against autograd in float64."""

import pytest
import torch
from torch import nn

from surge_mmdet.binarizers import ActivationBinarizer, SignPolynomial, SignSTE, WeightBinarizer
from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.surge import literal_dpgc, literal_scale


class Threshold(SignPolynomial):
    """sign(x - t), one t per channel."""

    def __init__(self, channels):
        super().__init__()
        self.threshold = nn.Parameter(torch.linspace(-0.3, 0.4, channels))

    def transform(self, v):
        return v - self.threshold.view(1, -1, *[1] * (v.dim() - 2))


class Step(SignSTE):
    """s sign(x / s), one learnable s."""

    def __init__(self):
        super().__init__()
        self.step = nn.Parameter(torch.tensor(0.7))

    def forward(self, v):
        return self.step * super().forward(v / self.step)


class Annealed(ActivationBinarizer):
    """The derivative of tanh(t x), t = 1 + 9 progress."""

    scheduled = True

    def surrogate_grad(self, grad_output, u):
        t = 1 + 9 * self.progress.to(u.dtype)
        return grad_output * t * (1 - torch.tanh(t * u).square())


class LearnableScale(WeightBinarizer):
    """s_o sign(W), started from mean |W|."""

    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def start(self, v):
        self.alpha.copy_(v.abs().flatten(1).mean(1))

    def forward(self, v):
        return self.alpha.view(-1, *[1] * (v.dim() - 1)) * super().forward(v)


ACTIVATIONS = (Threshold, Step, Annealed)


def layer_of(kind, activation, surge=dict(eta=0.3), **options):
    torch.manual_seed(0)
    size = (4, 8, 3) if kind is BinaryConv2d else (4, 8)
    return kind(*size, activation=dict(type=activation), surge=surge, **options).double()


def inputs(layer):
    torch.manual_seed(1)
    shape = (2, 4, 6, 6) if isinstance(layer, BinaryConv2d) else (5, 4)
    return torch.randn(shape, dtype=torch.double, requires_grad=True)


def by_function(layer, x, delta, leaves):
    return torch.autograd.grad(layer(x), leaves, delta)


@pytest.mark.parametrize('kind', [BinaryConv2d, BinaryLinear])
@pytest.mark.parametrize('activation', ACTIVATIONS)
@pytest.mark.parametrize('progress', [0.0, 0.6])
def test_every_gradient_is_that_of_the_literal_formula(kind, activation, progress):
    layer = layer_of(kind, activation)
    layer.activation.set_progress(progress)
    x = inputs(layer)
    own = list(layer.activation.parameters())
    assert len(own) == (activation is not Annealed)
    leaves = [x, layer.weight, layer.aux_weight, layer.bias, *own]
    delta = torch.randn_like(layer(x))
    got = by_function(layer, x, delta, leaves)

    weight = layer.weight_rule(layer.weight)
    rest = (layer.activation, layer.op)
    scale = literal_scale(delta, x, weight, layer.aux_weight, *rest, 0.3, 10.0)
    y = literal_dpgc(x, weight, layer.aux_weight, layer.bias, *rest, scale)
    assert scale > 0 and y.equal(layer(x))
    for found, want in zip(got, torch.autograd.grad(y, leaves, delta), strict=True):
        assert want.any()
        torch.testing.assert_close(found, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize('activation', (Threshold, Step))
def test_without_surge_the_parameters_learn_as_in_plain_autograd(activation):
    layer = layer_of(BinaryConv2d, activation, surge=None)
    x = inputs(layer)
    (own,) = layer.activation.parameters()
    delta = torch.randn_like(layer(x))
    (got,) = by_function(layer, x, delta, [own])
    plain = layer.op.forward(layer.activation(x), layer.weight_rule(layer.weight), layer.bias)
    torch.testing.assert_close(got, torch.autograd.grad(plain, own, delta)[0])


@pytest.mark.parametrize('frozen', ['input', 'parameter'])
def test_what_is_frozen_changes_no_other_gradient(frozen):
    layer = layer_of(BinaryConv2d, Threshold)
    x, own = inputs(layer), layer.activation.threshold
    delta = torch.randn_like(layer(x))
    both = by_function(layer, x, delta, [x, own])
    if frozen == 'input':
        layer(x.detach()).backward(delta)
        torch.testing.assert_close(own.grad, both[1])
        assert not layer.aux_weight.grad.any()
    else:
        own.requires_grad_(False)
        layer(x).backward(delta)
        assert own.grad is None and x.grad.equal(both[0])


def test_a_threshold_moves_by_minus_the_summed_gradient():
    # ReActNet (Liu et al., ECCV 2020): dL/dt = - sum of dL/dx, polynomial slope.
    rsign = Threshold(1)
    rsign.threshold.data.fill_(0.5)
    x = torch.tensor([[0.2], [0.5], [0.9]], requires_grad=True)
    out = rsign(x)
    out.sum().backward()
    assert out.flatten().tolist() == [-1, 1, 1]
    torch.testing.assert_close(x.grad.flatten(), torch.tensor([1.4, 2.0, 1.2]))
    torch.testing.assert_close(rsign.threshold.grad, torch.tensor([-4.6]))


def test_progress_is_saved_and_only_where_it_is_needed():
    layer = layer_of(BinaryConv2d, Annealed)
    layer.activation.set_progress(0.25)
    other = layer_of(BinaryConv2d, Annealed)
    other.load_state_dict(layer.state_dict())
    assert other.activation.progress == 0.25
    plain = layer_of(BinaryConv2d, SignSTE)
    plain.activation.set_progress(0.25)
    assert not any('progress' in key for key in plain.state_dict())


def test_a_weight_rule_starts_from_the_weight_at_the_first_step_and_learns():
    layer = layer_of(BinaryConv2d, SignSTE, weight_rule=dict(type=LearnableScale))
    nn.init.normal_(layer.weight)
    x = inputs(layer)
    layer(x).sum().backward()
    mean = layer.weight.detach().abs().flatten(1).mean(1)
    torch.testing.assert_close(layer.weight_rule.alpha.detach(), mean)
    assert layer.weight_rule.alpha.grad.all()
    layer.weight_rule.alpha.data.fill_(2.0)
    other = layer_of(BinaryConv2d, SignSTE, weight_rule=dict(type=LearnableScale))
    other.load_state_dict(layer.state_dict())
    other(x)
    assert (other.weight_rule.alpha == 2).all()  # a loaded scale is not started again
