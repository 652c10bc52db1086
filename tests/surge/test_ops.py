import pytest
import torch

from surge_mmdet.binarizers import SignPolynomial, SignSTE
from surge_mmdet.surge import (
    AdaptiveGradientScaler,
    Branch,
    ConvOp,
    LinearOp,
    Paths,
    SurgeConfig,
    dpgc,
    literal_dpgc,
    literal_scale,
)

CONV = ConvOp((2, 1), (1, 0), (1, 2), 2)


def tensors(op):
    torch.manual_seed(0)
    shapes = ((5, 6), (4, 6)) if isinstance(op, LinearOp) else ((2, 4, 7, 8), (6, 2, 3, 3))
    return [torch.randn(s, dtype=torch.float64) * 1.3 for s in shapes]


@pytest.mark.parametrize('op', [CONV, LinearOp()], ids=['conv', 'linear'])
def test_gradients_are_the_derivatives_of_forward(op):
    x, weight = (t.requires_grad_() for t in tensors(op))
    out = op.forward(x, weight, None)
    delta = torch.randn_like(out)
    want = torch.autograd.grad(out, (x, weight), delta)
    got = op.gradients(delta, x.detach(), weight.detach(), True, True)
    for g, w in zip(got, want, strict=True):
        torch.testing.assert_close(g, w)


@pytest.mark.parametrize('op', [CONV, LinearOp()], ids=['conv', 'linear'])
@pytest.mark.parametrize('which', [0, 1])
def test_an_unneeded_gradient_is_not_computed(op, which):
    x, weight = tensors(op)
    delta = torch.ones_like(op.forward(x, weight, None))
    needs = [which == 0, which == 1]
    got = op.gradients(delta, x, weight, *needs)
    assert [g is not None for g in got] == needs


@pytest.mark.parametrize('binarizer', [SignSTE(), SignPolynomial()])
def test_linear_dpgc_is_the_literal_formula(binarizer):
    op, eta = LinearOp(), 0.4
    x, binary_weight = (t.requires_grad_() for t in tensors(op))
    aux = torch.randn_like(binary_weight).requires_grad_()
    bias = torch.randn(4, dtype=torch.float64).requires_grad_()
    leaves = (x, binary_weight, aux, bias)
    delta = torch.randn(5, 4, dtype=torch.float64)
    scaler = AdaptiveGradientScaler(SurgeConfig(eta=eta))
    out = dpgc(*leaves, Paths(op, binarizer, scaler, Branch(op, aux.shape)))
    got = torch.autograd.grad(out, leaves, delta)
    scale = literal_scale(delta, x, binary_weight, aux, binarizer, op, eta, 10.0)
    assert scale > 0
    want_out = literal_dpgc(*leaves, binarizer, op, scale)
    assert out.equal(want_out)
    for g, w in zip(got, torch.autograd.grad(want_out, leaves, delta), strict=True):
        torch.testing.assert_close(g, w)


def test_no_operator_is_falsy():
    assert LinearOp() and ConvOp((1, 1), (0, 0), (1, 1), 1)
    assert LinearOp() == LinearOp()
