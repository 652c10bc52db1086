"""What a gradient becomes on its way down."""

import pytest
import torch
from small_net import binary_net
from torch import nn

from surge_mmdet.analysis.fidelity import depth_table, gradient_by_depth
from surge_mmdet.layers import BinaryConv2d


def test_values_are_those_of_the_layer():
    net, loss = binary_net(aux_factor=2.0)
    found = gradient_by_depth(net, loss)
    assert list(found) == ['1', '3']
    x = torch.randn(2, 8, 8, 8, requires_grad=True)
    layer = net[3]
    delta = torch.randn(2, 4, 8, 8)
    seen = gradient_by_depth(nn.Sequential(layer), lambda: (layer(x) * delta).sum())['0']
    (g,) = torch.autograd.grad((layer(x) * delta).sum(), x)
    assert seen['input'] == pytest.approx(g.norm().item(), rel=1e-5)
    assert seen['growth'] == pytest.approx((g.norm() / delta.norm()).item(), rel=1e-5)
    assert seen['auxiliary'] == pytest.approx(seen['weight'], rel=1e-5)  # twice the weight
    g_a = nn.functional.conv_transpose2d(delta, layer.aux_weight, padding=1)
    g_b = g - layer.ags.read().scale * g_a
    cosine = nn.functional.cosine_similarity(g_a.flatten(), g_b.flatten(), dim=0)
    assert seen['cosine'] == pytest.approx(cosine.item(), abs=1e-5)


def test_a_low_pass_branch_shows():
    net, loss = binary_net()
    before = gradient_by_depth(net, loss)['3']
    with torch.no_grad():
        net[3].aux_weight.copy_(net[3].aux_weight.mean((2, 3), keepdim=True).expand(4, 8, 3, 3))
    after = gradient_by_depth(net, loss)['3']
    assert after['auxiliary'] == pytest.approx(1)
    assert after['smooth_a'] > before['smooth_a'] + 0.1
    assert after['smooth_b'] == pytest.approx(before['smooth_b'])


def test_the_net_is_left_as_it_was():
    net, loss = binary_net()
    combine = net[1].ags.combine
    gradient_by_depth(net, loss)
    assert net[1].ags.combine is combine and not net[1]._backward_hooks


def test_plain_layers_and_the_table():
    net = nn.Sequential(BinaryConv2d(2, 2, 3, surge=None), BinaryConv2d(2, 2, 1, surge=None))
    x = torch.randn(1, 2, 6, 6, requires_grad=True)
    found = gradient_by_depth(net, lambda: net(x).square().sum())
    assert list(found) == ['0'] and 'cosine' not in found['0']
    rows = {'backbone.layer1.0': dict(found['0']), 'backbone.layer1.1': dict(found['0'], growth=0)}
    (row,) = depth_table(rows).rows
    assert row['part'] == 'backbone.layer1'
    assert row['growth'] == pytest.approx(found['0']['growth'] / 2)
    assert 'cos' not in depth_table(rows).markdown()
