"""DPGC: the Function against the literal formula, all in float64."""

from typing import NamedTuple

import pytest
import torch
from torch.nn.grad import conv2d_input, conv2d_weight

from surge_mmdet.binarizers import (
    ChannelMean,
    SignPolynomial,
    SignSTE,
    binary_sign,
)
from surge_mmdet.surge import (
    AdaptiveGradientScaler,
    Branch,
    ConvOp,
    Paths,
    SurgeConfig,
    dpgc,
    gradient_scale,
    l2_norm,
    literal_dpgc,
    literal_scale,
)
from surge_mmdet.surge.dpgc import bias_gradient
from surge_mmdet.surge.fused import guarded_product

INF, NAN = float('inf'), float('nan')
OPS = {
    'plain': ConvOp((1, 1), (0, 0), (1, 1), 1),
    'padding': ConvOp((1, 1), (1, 2), (1, 1), 1),
    'stride': ConvOp((2, 2), (1, 1), (1, 1), 1),
    'stride, uneven': ConvOp((2, 3), (0, 1), (1, 1), 1),
    'dilation': ConvOp((1, 1), (2, 2), (2, 2), 1),
    'groups': ConvOp((1, 1), (1, 1), (1, 1), 2),
    'depthwise, all': ConvOp((2, 2), (2, 1), (2, 1), 4),
}
BINARIZERS = (SignSTE(), SignPolynomial())
every_op = pytest.mark.parametrize('op', OPS.values(), ids=OPS)
every_binarizer = pytest.mark.parametrize('binarizer', BINARIZERS, ids=('ste', 'polynomial'))


class Case(NamedTuple):
    x: torch.Tensor
    weight: torch.Tensor
    aux: torch.Tensor
    bias: torch.Tensor
    delta: torch.Tensor

    @property
    def leaves(self):
        return [leaf for leaf in self[:4] if leaf is not None]


def scaler_of(eta=0.3, **options):
    return AdaptiveGradientScaler(SurgeConfig(eta=eta, **options))


def case(op, bias=True):
    """Leaves in float64; about a third of x lies outside [-1, 1]."""
    generator = torch.Generator().manual_seed(7)

    def draw(*shape, std=1.0):
        return std * torch.randn(*shape, generator=generator, dtype=torch.float64)

    x, shape = draw(2, 4, 8, 9), (8, 4 // op.groups, 3, 3)
    weight, aux = ChannelMean()(draw(*shape)), draw(*shape, std=0.3)
    bias = draw(8).requires_grad_() if bias else None
    delta = draw(*op.forward(x, weight, None).shape, std=0.1)
    leaves = [t.requires_grad_() for t in (x, weight, aux)]
    return Case(*leaves, bias, delta)


def forward(data, op, binarizer=BINARIZERS[0], scaler=None, scaled=True):
    aux = None if scaler is None else data.aux
    paths = Paths(op, binarizer, scaler, Branch(op, data.weight.shape, scaled=scaled))
    return dpgc(data.x, data.weight, aux, data.bias, paths)


def gradients(data, *args, **options):
    out = forward(data, *args, **options)
    return torch.autograd.grad(out, data.leaves, data.delta, allow_unused=True)


def by_hand(data, op, binarizer):
    """g_b, g_a and both weight gradients by torch.nn.grad."""
    x, weight, aux = (t.detach() for t in data[:3])
    g_b = binarizer.surrogate_grad(conv2d_input(x.shape, weight, data.delta, *op), x)
    g_a = conv2d_input(x.shape, aux, data.delta, *op)
    grad_weight, grad_aux = (
        conv2d_weight(inp, weight.shape, data.delta, *op) for inp in (binary_sign(x), x)
    )
    return g_b, g_a, grad_weight, grad_aux


def close(actual, expected, tol=1e-10):
    torch.testing.assert_close(actual, expected, atol=tol, rtol=tol)


@every_op
@every_binarizer
@pytest.mark.parametrize('bias', [True, False], ids=('bias', 'no bias'))
def test_gradients_are_those_of_the_literal_formula(op, binarizer, bias):
    data = case(op, bias)
    scale = literal_scale(data.delta, data.x, data.weight, data.aux, binarizer, op, 0.3, 10.0)
    literal = literal_dpgc(*data[:4], binarizer, op, scale)
    expected = torch.autograd.grad(literal, data.leaves, data.delta)
    actual = gradients(data, op, binarizer, scaler_of(0.3))
    assert torch.equal(forward(data, op, binarizer), literal)
    assert scale > 0 and len(actual) == 3 + bias
    for got, want in zip(actual, expected, strict=True):
        close(got, want)


@every_op
@every_binarizer
def test_gradients_are_those_of_torch_nn_grad(op, binarizer):
    data = case(op)
    g_b, g_a, grad_weight, grad_aux = by_hand(data, op, binarizer)
    scale = 0.3 * g_b.norm() / (g_a.norm() + 1e-8)
    actual = gradients(data, op, binarizer, scaler_of(0.3))
    close(actual[0], g_b + scale * g_a)
    close(actual[1], grad_weight)
    close(actual[2], scale * grad_aux)
    close(actual[3], data.delta.sum((0, 2, 3)))


@every_op
def test_gradient_of_binary_weight_and_bias_is_the_true_derivative(op):
    data, scaler = case(op), scaler_of()

    def run(weight, bias):
        paths = Paths(op, BINARIZERS[0], scaler, Branch(op, weight.shape))
        return dpgc(data.x, weight, data.aux, bias, paths)

    assert torch.autograd.gradcheck(run, (data.weight, data.bias))


@every_binarizer
def test_positions_beyond_one_learn_through_the_auxiliary_path_only(binarizer):
    op = OPS['padding']
    data = case(op)
    scaler = scaler_of(0.3)
    outside = data.x.abs() > 1
    plain = gradients(data, op, binarizer)[0]
    compensated = gradients(data, op, binarizer, scaler)[0]
    g_b, g_a, *_ = by_hand(data, op, binarizer)
    scale = gradient_scale(l2_norm(g_b), l2_norm(g_a), 0.3, 10.0)
    assert outside.any() and not plain[outside].any()
    assert compensated[outside].all()
    close(compensated[outside], (scale * g_a)[outside])


@every_op
@every_binarizer
def test_without_surge_the_gradient_is_the_straight_through_one(op, binarizer):
    data = case(op)
    plain, by_autograd = (
        gradients(data, op, binarizer),
        torch.autograd.grad(
            op.forward(binarizer(data.x), data.weight, data.bias),
            [data.x, data.weight, data.bias],
            data.delta,
        ),
    )
    assert plain[2] is None
    for got, want in zip((plain[0], plain[1], plain[3]), by_autograd, strict=True):
        close(got, want)


def test_eta_zero_is_the_straight_through_gradient():
    op = OPS['padding']
    data = case(op)
    off = gradients(data, op, scaler=scaler_of(0.0))
    assert torch.equal(off[0], gradients(data, op)[0])
    assert not off[2].any()


def test_unscaled_leaves_lambda_out_of_the_auxiliary_weight_only():
    op = OPS['stride']
    data = case(op)
    scaler = scaler_of(0.3)
    scaled = gradients(data, op, scaler=scaler)
    unscaled = gradients(data, op, scaler=scaler, scaled=False)
    close(unscaled[2], by_hand(data, op, BINARIZERS[0])[3])
    close(scaled[2], scaler.read().scale.double() * unscaled[2], tol=1e-6)
    for index in (0, 1, 3):
        assert torch.equal(scaled[index], unscaled[index])


def test_cap_bounds_the_auxiliary_gradient():
    op = OPS['padding']
    data = case(op)
    data.aux.data.mul_(1e-6)
    scaler = scaler_of(0.3, max_scale=2.0)
    grad_x, _, grad_aux, _ = gradients(data, op, scaler=scaler)
    g_b, g_a, _, aux = by_hand(data, op, BINARIZERS[0])
    assert 0.3 * g_b.norm() > 2.0 * g_a.norm()
    assert scaler.read().scale == 2.0
    close(grad_x, g_b + 2.0 * g_a)
    close(grad_aux, 2.0 * aux)


def test_auxiliary_weight_gets_zero_not_none_when_x_needs_no_gradient():
    op = OPS['padding']
    data = case(op)
    data = data._replace(x=data.x.detach())
    scaler = scaler_of()
    forward(data, op, scaler=scaler).backward(data.delta)
    assert torch.equal(data.aux.grad, torch.zeros_like(data.aux))
    assert data.weight.grad.any() and data.bias.grad.any()
    assert not scaler.statistics.any()


@pytest.mark.parametrize('frozen', ['weight', 'aux', 'bias'])
def test_a_frozen_leaf_changes_no_other_gradient(frozen):
    op = OPS['padding']
    data = case(op)
    names = [n for n in ('x', 'weight', 'aux', 'bias') if n != frozen]
    expected = dict(
        zip(
            ('x', 'weight', 'aux', 'bias'),
            gradients(data, op, scaler=scaler_of()),
            strict=True,
        )
    )
    getattr(data, frozen).requires_grad_(False)
    forward(data, op, scaler=scaler_of()).backward(data.delta)
    assert getattr(data, frozen).grad is None
    for name in names:
        assert torch.equal(getattr(data, name).grad, expected[name])


@pytest.mark.parametrize('bad', [INF, -INF, NAN])
@every_binarizer
def test_a_broken_auxiliary_weight_cannot_reach_the_network(bad, binarizer):
    op = OPS['padding']
    data = case(op)
    data.aux.data[1, 2, 0, 1] = bad
    scaler = scaler_of()
    grad_x, grad_weight, grad_aux, _ = gradients(data, op, binarizer, scaler)
    plain = gradients(data, op, binarizer)
    assert grad_x.isfinite().all()
    assert torch.equal(grad_x, plain[0])
    assert torch.equal(grad_weight, plain[1])
    assert torch.equal(grad_aux, torch.zeros_like(grad_aux))
    assert scaler.read().non_finite == 1


def test_an_infinite_delta_is_counted_and_spares_the_auxiliary_weight():
    op = OPS['padding']
    data = case(op)
    data.delta[0, 0, 3, 3] = INF
    scaler = scaler_of()
    grad_aux = gradients(data, op, scaler=scaler)[2]
    assert torch.equal(grad_aux, torch.zeros_like(grad_aux))
    assert scaler.read()[-2:] == (1, 1)


def test_a_guarded_product_is_zero_where_the_scale_is():
    gradient = torch.tensor([1.0, NAN, INF])
    assert guarded_product(torch.tensor(0.0), gradient).tolist() == [0, 0, 0]
    doubled = guarded_product(torch.tensor(2.0), gradient[:1])
    assert doubled.tolist() == [2] and gradient[0] == 1


def test_bias_gradient_is_summed_in_float32():
    delta = torch.ones(1, 2, 64, 64, dtype=torch.bfloat16)
    grad = bias_gradient(delta)
    assert grad.dtype == torch.float32 and grad.tolist() == [4096, 4096]


def test_a_second_derivative_is_refused():
    op = OPS['padding']
    data = case(op)
    loss = forward(data, op).square().sum()
    (grad_x,) = torch.autograd.grad(loss, data.x, create_graph=True)
    with pytest.raises(RuntimeError, match='once_differentiable'):
        grad_x.sum().backward()


def test_an_empty_batch_gives_zero_gradients():
    op = OPS['padding']
    data = case(op)
    data = data._replace(x=data.x.detach()[:0].requires_grad_(), delta=data.delta[:0])
    scaler = scaler_of()
    grad_x, *rest = gradients(data, op, scaler=scaler)
    assert grad_x.shape == data.x.shape
    assert not any(grad.any() for grad in rest)
    assert scaler.read().non_finite == 0
