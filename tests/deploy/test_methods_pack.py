"""Every listed method packs to the same bits, or says in a sentence why it does not."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from surge_mmdet.deploy.fold import pack_layers
from surge_mmdet.deploy.packed_layers import PackedLayer
from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.methods import METHODS

BINARY = {method.name: method for method in METHODS.values() if method.layer is not None}
# What has no packed form, and a part of what is said.
UNPACKED = {
    'adabin-activation': 'AdaBin has the levels b - a and b + a',
    'adabin': 'AdaBin has the levels b - a and b + a',
    'tbn': 'Ternary has 2 bits, and only single bits are packed',
}
X = torch.randn(2, 40, 7, 7, generator=torch.Generator().manual_seed(0))


def trained(method, kind):
    """A layer after a few steps, behind a norm; thresholds and scales have moved."""
    torch.manual_seed(0)
    size = (40, 12, 3) if kind is BinaryConv2d else (40, 12)
    more = dict(padding=1, stride=2) if kind is BinaryConv2d else {}
    try:
        layer = kind(*size, **more, **method.policy()['layer'])
    except ValueError as refused:
        assert kind is BinaryLinear and 'does not fit a layer' in str(refused)
        pytest.skip('a branch for convolutions')
    layer.weight_rule.before_epoch(layer.weight)
    optimizer = torch.optim.Adam(layer.parameters(), 0.05)
    x = X if kind is BinaryConv2d else X.flatten(2)[..., 0]
    for i in range(3):
        for part in (layer.activation, layer.weight_rule):
            part.set_progress(i / 3)
        out = layer(x.clone().requires_grad_())
        (out - torch.randn_like(out)).square().mean().backward()
        layer.weight_rule.before_step(layer.weight)
        optimizer.step()
        optimizer.zero_grad()
    return layer.eval(), x


def packed(layer):
    """The packed layer, and what was said of layers that stay."""
    holder = nn.ModuleDict(dict(layer=layer))
    kept = pack_layers(holder)
    return holder['layer'], kept


@torch.no_grad()
def sums_of_signs(layer, x):
    """The operator on the signs of both sides, integers in float64."""
    threshold, _ = layer.activation.packed_form()
    if threshold is not None:
        x = x - threshold.view(-1, *[1] * (x.dim() - 2))
    signs = torch.where(x >= 0, 1.0, -1.0).double()
    weight = layer.binary_weight()[0].double()
    if isinstance(layer, BinaryLinear):
        return F.linear(signs, weight)
    return F.conv2d(signs, weight, None, *layer.op)


@pytest.mark.parametrize('kind', [BinaryConv2d, BinaryLinear], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize('name', [n for n in BINARY if n.removesuffix('-surge') not in UNPACKED])
@torch.no_grad()
def test_a_packed_layer_adds_the_same_bits(name, kind):
    with torch.enable_grad():
        layer, x = trained(BINARY[name], kind)
    want, ints = layer(x), sums_of_signs(layer, x)
    twin, kept = packed(layer)
    assert isinstance(twin, PackedLayer) and kept == {}
    torch.testing.assert_close(twin(x), want, rtol=1e-5, atol=1e-5)
    twin.scale.fill_(1)
    twin.bias.zero_()
    assert twin(x).double().equal(ints)


@pytest.mark.parametrize('name', [n for n in BINARY if n.removesuffix('-surge') in UNPACKED])
def test_what_is_not_packed_says_why(name):
    layer, x = trained(BINARY[name], BinaryConv2d)
    before = layer(x)
    twin, kept = packed(layer)
    assert twin is layer and layer(x).equal(before)
    assert UNPACKED[name.removesuffix('-surge')] in kept['layer']


def test_so_does_a_rule_without_packed_form():
    layer = BinaryConv2d(4, 8, 3, weight_rule=dict(type='AdaBinWeight'))
    _, kept = packed(layer)
    assert 'AdaBinWeight has the levels' in kept['layer'] and 'no term for b' in kept['layer']
    assert "train with weight_rule=dict(type='ChannelMean')" in kept['layer']
