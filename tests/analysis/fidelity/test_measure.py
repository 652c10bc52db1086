"""The yardstick is held against gradients that are known exactly."""

import math

import pytest
import torch
from analysis.fidelity.small_net import binary_net, noise
from torch import nn

from surge_mmdet.analysis.fidelity import estimate, input_shape, measure
from surge_mmdet.binarizers import binary_sign
from surge_mmdet.layers import BinaryConv2d


class Linear(nn.Module):
    """Loss <c, x>: the smoothed gradient is c."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()
        self.c = torch.randn(4, 6, generator=noise(5))

    def forward(self):
        return (self.layer(torch.zeros(4, 6)) * self.c).sum()


def test_the_exact_gradient_has_its_length_as_slope():
    net = Linear()
    g = estimate(net.layer, net, input_shape(net.layer, net))
    assert g.equal(net.c)
    found = measure(net.layer, net, dict(g=g, against=-g, half=g / 2), 0.5, 400, noise())
    length = net.c.norm().item()
    for name, slope in (('g', length), ('against', -length), ('half', length)):
        assert found[name].slope == pytest.approx(slope, rel=1e-3)
        assert found[name].cosine == pytest.approx(slope / length, rel=0.1)
    assert found['g'].growth == pytest.approx(1, rel=0.1)
    assert found['half'].growth == found['g'].growth / 2
    assert found['g'].error < 0.35 < found['half'].error
    assert found['against'].error == pytest.approx(2, rel=0.1)


def test_an_unrelated_gradient_has_no_slope():
    net = Linear()
    other = torch.randn(4, 6, generator=noise(9))
    other -= (other * net.c).sum() / net.c.square().sum() * net.c
    row = measure(net.layer, net, dict(g=other), 0.5, 20, noise())['g']
    assert row.slope == pytest.approx(0, abs=1e-4 * net.c.norm().item())


class Step(nn.Module):
    """Loss <c, sign(x)>: the smoothed gradient is c 2 phi(x / sigma)."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()
        self.x = torch.linspace(-0.8, 0.8, 8)
        self.c = torch.tensor([1.0, -1.0, 2.0, 1.0, -2.0, 1.0, 1.0, 3.0])

    def forward(self):
        return (binary_sign(self.layer(self.x)) * self.c).sum()


def test_slope_is_that_of_the_smoothed_loss_of_sign():
    net, sigma = Step(), 0.4
    z = net.x / sigma
    truth = net.c * 2 * torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi) / sigma
    other = torch.randn(8, generator=noise(3)) + truth
    rows = measure(net.layer, net, dict(truth=truth, other=other), sigma, 20_000, noise())
    for name, g in (('truth', truth), ('other', other)):
        want = (g * truth).sum().item() / g.norm().item()  # known exactly
        low, high = rows[name].slope_interval
        assert low - 0.05 * want < want < high + 0.05 * want
        length = g.norm().item() / rows[name].growth
        assert length >= truth.norm()  # E d^2 bounds the square from above
        assert rows[name].cosine < want / truth.norm()
    assert rows['other'].difference_interval[1] < 0


def test_an_estimate_of_few_coordinates_is_not_carried_too_far():
    net, sigma = Step(), 0.4
    net.x = torch.cat([net.x, torch.full((4088,), 5.0)])
    net.c = torch.cat([net.c, torch.ones(4088)])
    z = net.x[:8] / sigma
    g = torch.zeros(4096)
    g[:8] = net.c[:8] * 2 * torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi) / sigma
    row = measure(net.layer, net, dict(g=g), sigma, 4000, noise())['g']
    assert row.slope == pytest.approx(g.norm().item(), rel=0.08)


def test_only_the_layers_own_input_is_probed():
    net, loss = binary_net()
    before = loss()
    input_shape(net[3], loss)
    estimate(net[3], loss, input_shape(net[3], loss))
    assert loss().equal(before)
    assert not net[3]._forward_pre_hooks


def test_a_layer_on_several_maps_is_refused():
    layer = BinaryConv2d(2, 2, 3, padding=1)
    x = torch.randn(1, 2, 5, 5)
    with pytest.raises(ValueError, match='runs 2 times'):
        input_shape(layer, lambda: layer(layer(x)).sum())
