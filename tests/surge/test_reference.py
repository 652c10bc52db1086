"""The literal formula itself: what the tests of DPGC lean on."""

import pytest
import torch

from surge_mmdet.binarizers import ChannelMean, SignPolynomial, SignSTE
from surge_mmdet.surge import ConvOp, literal_dpgc, literal_scale

OP = ConvOp((1, 1), (1, 1), (1, 1), 1)


def tensors(dtype=torch.float64):
    torch.manual_seed(3)
    x = torch.randn(2, 3, 6, 6, dtype=dtype, requires_grad=True)
    weight = ChannelMean()(torch.randn(4, 3, 3, 3, dtype=dtype))
    aux = torch.randn(4, 3, 3, 3, dtype=dtype, requires_grad=True)
    return x, weight, aux, torch.randn(4, dtype=dtype)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('scale', [0.0, 0.37, 1e6])
def test_forward_value_is_the_binary_branch_bit_for_bit(dtype, scale):
    x, weight, aux, bias = tensors(dtype)
    y = literal_dpgc(x, weight, aux, bias, SignSTE(), OP, torch.tensor(scale, dtype=dtype))
    assert torch.equal(y, OP.forward(SignSTE()(x), weight, bias))


def test_auxiliary_gradients_are_linear_in_the_scale():
    x, weight, aux, _ = tensors()

    def gradients(scale):
        y = literal_dpgc(x, weight, aux, None, SignSTE(), OP, torch.tensor(scale, dtype=x.dtype))
        return torch.autograd.grad(y.square().sum(), (x, aux))

    off, one, three = gradients(0.0), gradients(1.0), gradients(3.0)
    for zero, single, triple in zip(off, one, three, strict=True):
        torch.testing.assert_close(triple - zero, 3 * (single - zero))
    assert not off[1].any() and one[1].any()


def test_no_gradient_flows_through_the_scale():
    x, weight, aux, _ = tensors()
    scale = torch.tensor(0.5, dtype=x.dtype, requires_grad=True)
    literal_dpgc(x, weight, aux, None, SignSTE(), OP, scale).sum().backward()
    assert scale.grad is None


@pytest.mark.parametrize('binarizer', [SignSTE(), SignPolynomial()])
def test_scale_makes_the_auxiliary_gradient_eta_times_the_other(binarizer):
    x, weight, aux, _ = tensors()
    delta = torch.randn(2, 4, 6, 6, dtype=x.dtype)
    options = (delta, x, weight, aux, binarizer, OP)
    scale = literal_scale(*options, eta=0.3, max_scale=10.0)

    def grad_x(factor):
        y = literal_dpgc(x, weight, aux, None, binarizer, OP, factor)
        return torch.autograd.grad(y, x, delta)[0]

    g_b = grad_x(torch.zeros_like(scale))
    added = grad_x(scale) - g_b
    torch.testing.assert_close(added.norm(), 0.3 * g_b.norm(), rtol=1e-7, atol=0)
    assert literal_scale(*options, eta=0.3, max_scale=1e-3) == 1e-3
    assert x.grad is None and aux.grad is None
