"""XNOR-Net's scale: optimal, per channel, constant in the backward pass."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers import ChannelMean, binary_sign


def distance(weight, alpha):
    return (weight - alpha * binary_sign(weight)).flatten(1).norm(dim=1)


@pytest.mark.parametrize('shape', [(5, 3, 3, 3), (5, 7), (5, 2, 4)])
def test_scale_is_the_mean_of_each_output_channel(shape):
    weight = torch.randn(shape, dtype=torch.float64)
    alpha = ChannelMean().scale(weight)
    assert alpha.shape == (5, *[1] * (len(shape) - 1))
    for channel, value in zip(weight, alpha.flatten(), strict=True):
        torch.testing.assert_close(value, channel.abs().mean())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 0.5), st.sampled_from([-1, 1]))
def test_any_other_scale_is_farther_from_the_weight(seed, size, direction):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(4, 3, 3, 3, generator=generator).double()
    alpha = ChannelMean().scale(weight)
    other = alpha * (1 + direction * size)
    assert (distance(weight, alpha) < distance(weight, other)).all()


def test_binary_weight_has_one_magnitude_per_channel():
    weight = torch.randn(4, 3, 3, 3)
    weight[0, 0, 0, :2] = torch.tensor([0.0, -0.0])
    rule = ChannelMean()
    binary = rule(weight)
    assert torch.equal(binary, binary_sign(weight) * rule.scale(weight))
    assert (binary[0, 0, 0, :2] > 0).all()


def test_gradient_passes_where_the_latent_weight_is_within_one():
    above = 1 + 1e-12
    values = [-above, -1.0, -0.3, 0.0, 1.0, above]
    weight = torch.tensor([values], dtype=torch.float64, requires_grad=True)
    delta = torch.arange(1, 7, dtype=torch.float64)[None]
    ChannelMean()(weight).backward(delta)
    assert weight.grad.tolist() == [[0, 2, 3, 4, 5, 0]]


def test_no_gradient_flows_through_the_scale():
    # Through alpha, one weight's gradient would reach its whole channel.
    weight = torch.full((1, 4), 0.5, requires_grad=True)
    ChannelMean()(weight)[0, 0].backward()
    assert weight.grad.tolist() == [[1, 0, 0, 0]]


def test_dead_channel_stays_zero_and_finite():
    weight = torch.zeros(2, 3, requires_grad=True)
    binary = ChannelMean()(weight)
    binary.sum().backward()
    assert torch.equal(binary.detach(), torch.zeros(2, 3))
    assert torch.equal(weight.grad, torch.ones(2, 3))
