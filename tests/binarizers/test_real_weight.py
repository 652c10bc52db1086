"""Step 1 of the two-step recipe: real weights under binary activations."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers import ChannelMean, RealWeight, binary_sign
from surge_mmdet.layers import BinaryConv2d

REAL = dict(weight_rule=dict(type='RealWeight'))


def layer(**kwargs):
    """A convolution whose weights reach beyond [-1, 1]."""
    torch.manual_seed(5)
    conv = BinaryConv2d(3, 4, 3, padding=1, dtype=torch.float64, **REAL, **kwargs)
    with torch.no_grad():
        conv.weight.mul_(20)
    assert (conv.weight.abs() > 1).any() and (conv.weight.abs() < 1).any()
    return conv


def gradients(y, *inputs):
    generator = torch.Generator().manual_seed(1)
    delta = torch.randn(y.shape, generator=generator, dtype=y.dtype)
    return torch.autograd.grad(y, inputs, delta)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6))
def test_weight_is_itself_and_scale_times_sign(values):
    weight = torch.tensor(values, dtype=torch.float64)
    rule = RealWeight()
    assert rule(weight).equal(weight)
    signs, scale = rule.decompose(weight)
    assert signs.equal(binary_sign(weight)) and (scale * signs).equal(weight)


def test_forward_is_the_convolution_of_signs_with_real_weights():
    x = 2 * torch.randn(2, 3, 6, 6, dtype=torch.float64)
    for surge in (None, dict(eta=0.3)):
        conv = layer(surge=surge)
        expected = F.conv2d(binary_sign(x), conv.weight, conv.bias, padding=1)
        assert conv.train()(x).equal(expected)
        assert conv.eval()(x).equal(expected)


def test_weight_gradient_is_not_clipped():
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    conv = layer()
    (found,) = gradients(conv(x.requires_grad_()), conv.weight)
    (expected,) = gradients(
        F.conv2d(binary_sign(x.detach()), conv.weight, conv.bias, padding=1), conv.weight
    )
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    assert (found[conv.weight.abs() > 1] != 0).all()


def test_input_gradient_is_the_surrogates_through_real_weights():
    x = (2 * torch.randn(2, 3, 6, 6, dtype=torch.float64)).requires_grad_()
    conv = layer(surge=None)
    (found,) = gradients(conv(x), x)
    signs = binary_sign(x.detach()).requires_grad_()
    (through,) = gradients(F.conv2d(signs, conv.weight, padding=1), signs)
    torch.testing.assert_close(found, through * (x.abs() <= 1), atol=1e-12, rtol=0)


def test_same_weights_become_binary_in_step_2():
    first = layer()
    second = BinaryConv2d(3, 4, 3, padding=1, dtype=torch.float64)
    second.load_state_dict(first.state_dict())
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    binary = first.weight.detach().abs().mean((1, 2, 3), keepdim=True)
    expected = F.conv2d(
        binary_sign(x), binary * binary_sign(first.weight.detach()), first.bias, padding=1
    )
    torch.testing.assert_close(second.eval()(x), expected, atol=1e-12, rtol=0)
    assert not second(x).equal(first.eval()(x))


def test_it_says_that_its_weights_take_32_bits():
    assert (ChannelMean().bits, RealWeight().bits) == (1, 32)
