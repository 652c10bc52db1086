"""Binarizers that learn or change over time, under DPGC: against autograd in float64."""

import pytest
import torch
from torch import nn

from surge_mmdet.binarizers import (
    ActivationBinarizer,
    SignPolynomial,
    SignSTE,
    WeightBinarizer,
    binary_sign,
)
from surge_mmdet.convert import layer_rows
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

    def wide(self, v):
        return self.alpha.view(-1, *[1] * (v.dim() - 1))

    def forward(self, v):
        return self.wide(v) * super().forward(v)

    def decompose(self, weight):
        return binary_sign(weight), self.wide(weight).detach()


class FirstBatch(Step):
    """A step that starts from mean |x|."""

    def start(self, v):
        self.step.fill_(v.abs().mean())


class Mixing(SignSTE):
    """A threshold computed from the input, with statistics and noise."""

    def __init__(self, channels):
        super().__init__()
        self.mix = nn.Linear(channels, channels)
        self.norm = nn.BatchNorm2d(channels)

    def transform(self, v):
        v = self.norm(v)
        means = self.mix(v.mean((2, 3)))
        return v - means[..., None, None] + 0.1 * torch.rand_like(v)


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


def test_a_binarizer_runs_once_a_step():
    layer = layer_of(BinaryConv2d, Mixing)
    x, calls = inputs(layer), []
    layer.activation.register_forward_hook(lambda *_: calls.append(1))
    torch.manual_seed(3)
    out = layer(x)
    delta = torch.randn_like(out)
    leaves = [x, layer.weight, *layer.activation.parameters()]
    got = torch.autograd.grad(out, leaves, delta)
    assert len(calls) == 1 and layer.activation.norm.num_batches_tracked == 1

    twin = layer_of(BinaryConv2d, Mixing)
    torch.manual_seed(3)
    weight, rest = twin.weight_rule(twin.weight), (twin.activation, twin.op)
    scale = layer.ags.read().scale.double()
    y = literal_dpgc(x, weight, twin.aux_weight, twin.bias, *rest, scale)
    leaves = [x, twin.weight, *twin.activation.parameters()]
    for found, want in zip(got, torch.autograd.grad(y, leaves, delta), strict=True):
        torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-7)  # lambda is kept in float32


def test_a_transform_with_a_linear_layer_trains_under_autocast():
    layer = layer_of(BinaryConv2d, Mixing).float()
    x = inputs(layer).float().detach().requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        out = layer(x)
    assert out.dtype == torch.bfloat16
    out.float().square().mean().backward()
    assert x.grad.isfinite().all() and layer.activation.mix.weight.grad.any()


def test_parameters_given_for_a_call_get_their_gradient():
    layer = layer_of(BinaryConv2d, Threshold)
    x, own = inputs(layer), dict(layer.named_parameters())
    given = {name: value.detach().clone().requires_grad_() for name, value in own.items()}
    out = torch.func.functional_call(layer, given, (x,))
    delta = torch.randn_like(out)
    got = torch.autograd.grad(out, list(given.values()), delta)
    want = torch.autograd.grad(layer(x), list(own.values()), delta)
    assert all(g.equal(w) and g.any() for g, w in zip(got, want, strict=True))


def test_a_hook_on_a_parameter_acts_once():
    layer = layer_of(BinaryConv2d, Threshold)
    x, threshold = inputs(layer), layer.activation.threshold
    delta = torch.randn_like(layer(x))
    (want,) = torch.autograd.grad(layer(x), threshold, delta)
    threshold.register_hook(lambda gradient: 0.5 * gradient)
    layer(x).backward(delta)
    torch.testing.assert_close(threshold.grad, 0.5 * want)


def test_a_parameter_changed_before_the_backward_pass_is_noticed():
    layer = layer_of(BinaryConv2d, Step)
    out = layer(inputs(layer))
    with torch.no_grad():
        layer.activation.step.add_(1)
    with pytest.raises(RuntimeError, match='modified by an inplace operation'):
        out.sum().backward()


def test_an_activation_starts_from_the_first_batch_that_is_not_empty():
    layer = layer_of(BinaryConv2d, FirstBatch)
    x = inputs(layer)
    layer(x[:0])
    assert layer.activation.step.item() == pytest.approx(0.7)
    layer.start()  # what a hook does before training
    layer.eval()(x)
    assert layer.activation.step.item() == pytest.approx(0.7)
    layer.train()(x)
    mean = x.abs().mean().item()
    assert layer.activation.step.item() == pytest.approx(mean)
    layer(2 * x)
    assert layer.activation.step.item() == pytest.approx(mean)
    other = layer_of(BinaryConv2d, FirstBatch)
    other.load_state_dict(layer.state_dict())
    other(2 * x)
    assert other.activation.step.item() == pytest.approx(mean)


def test_a_weight_rule_follows_the_weight_in_eval_too():
    layer = layer_of(BinaryConv2d, SignSTE, weight_rule=dict(type=LearnableScale)).eval()
    for _ in range(2):
        nn.init.normal_(layer.weight)
        layer(inputs(layer))
        mean = layer.weight.detach().abs().flatten(1).mean(1)
        torch.testing.assert_close(layer.weight_rule.alpha.detach(), mean)


def test_signs_and_scale_are_what_the_layer_computes_with():
    layer = layer_of(BinaryConv2d, SignSTE, weight_rule=dict(type=LearnableScale))
    layer(inputs(layer))
    layer.weight_rule.alpha.data.fill_(0.25)
    signs, scale = layer.binary_weight()
    assert (signs * scale).equal(layer.weight_rule(layer.weight).detach())


def test_a_rule_with_a_forward_of_its_own_has_to_say_what_it_comes_to():
    class Silent(LearnableScale):
        decompose = WeightBinarizer.decompose

    layer = layer_of(BinaryConv2d, SignSTE, weight_rule=dict(type=Silent))
    with pytest.raises(ValueError, match='Silent has its own forward. Write def decompose'):
        layer.binary_weight()


def test_a_scale_is_a_constant_whatever_the_input_needs():
    class Scaled(SignSTE):
        def __init__(self):
            super().__init__()
            self.alpha = nn.Parameter(torch.tensor(0.5))

        def scale(self, u):
            return self.alpha

    binarizer = Scaled()
    for needed in (True, False):
        x = torch.randn(5, requires_grad=needed)
        out = binarizer(x)
        assert out.detach().equal(0.5 * binary_sign(x)) and out.requires_grad == needed


def test_a_twin_keeps_what_was_learnt():
    layer = layer_of(BinaryConv2d, Threshold, weight_rule=dict(type=LearnableScale))
    layer(inputs(layer))
    layer.activation.threshold.data.fill_(3.0)
    layer.weight_rule.alpha.data.fill_(2.0)
    twin = layer.twin(surge=None)
    assert twin.activation is layer.activation and twin.weight_rule is layer.weight_rule
    x = inputs(layer)
    assert twin(x).equal(layer(x)) and (twin.weight_rule.alpha == 2).all()
    assert type(layer.twin(activation=dict(type='SignSTE')).activation) is SignSTE


def test_a_checkpoint_without_progress_loads_into_an_annealed_layer():
    layer = layer_of(BinaryConv2d, Annealed)
    assert not any(layer.load_state_dict(layer_of(BinaryConv2d, SignSTE).state_dict()))


class TwoBits(SignSTE):
    bits = 2


def test_bits_of_the_activations_count():
    layer = layer_of(BinaryConv2d, TwoBits)
    assert not layer.fully_binary and layer_of(BinaryConv2d, SignSTE).fully_binary
    assert layer_rows(nn.Sequential(layer))[0].activation_bits == 2
