"""Cheaper auxiliary branches: each against the literal formula."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.registry import BRANCHES
from surge_mmdet.surge import ConvOp


def conv(cin=8, cout=8, **kwargs):
    torch.manual_seed(0)
    options = dict(kernel_size=3, padding=1, stride=2)
    return nn.Conv2d(cin, cout, **{**options, **kwargs}).double()


def op_of(layer):
    return ConvOp(layer.stride, layer.padding, layer.dilation, layer.groups)


def branch_of(name, layer):
    return BRANCHES.get(name)(op_of(layer), layer.weight.shape)


def literal(name, layer, x, weight):
    """f_a of a branch in ordinary autograd, spread to all outputs."""
    groups, out = 1, layer.out_channels
    if name == 'pointwise':
        return F.conv2d(x, weight, None, layer.stride)
    if name == 'depthwise':
        groups = layer.in_channels // weight.shape[1]
    y = F.conv2d(x, weight, None, layer.stride, layer.padding, layer.dilation, groups)
    if name == 'lowrank':  # its transpose averages delta in groups of 4
        y = (y / 4).repeat_interleave(out // y.shape[1], 1)
    return y


@pytest.mark.parametrize('cin, cout', [(8, 8), (4, 8), (8, 4)])
@pytest.mark.parametrize('name', ['full', 'pointwise', 'depthwise', 'lowrank'])
def test_gradients_are_those_of_the_branch_as_a_convolution(name, cin, cout):
    layer = conv(cin, cout)
    branch = branch_of(name, layer)
    x = torch.randn(2, cin, 9, 8, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(branch.shape, dtype=torch.float64, requires_grad=True)
    y = literal(name, layer, x, weight)
    assert y.shape == layer(x).shape
    delta = torch.randn_like(y)
    want = torch.autograd.grad(y, (x, weight), delta)
    got = branch.gradients(delta, x.detach(), weight.detach(), True)
    for g, w in zip(got, want, strict=True):
        torch.testing.assert_close(g, w)
    assert branch.gradients(delta, x.detach(), weight.detach(), False)[1] is None


def test_sizes_of_the_branches():
    layer = conv(8, 16)
    sizes = {
        name: torch.Size(branch_of(name, layer).shape).numel()
        for name in ('full', 'pointwise', 'depthwise', 'lowrank')
    }
    assert sizes == dict(full=1152, pointwise=128, depthwise=144, lowrank=288)


def copy(name, layer):
    weight = layer.weight.detach()
    branch = branch_of(name, layer)
    found = branch.initial(weight)
    assert found.shape == branch.shape
    return found, weight


def test_copies_of_the_latent_weight():
    full, weight = copy('full', conv(8, 8))
    assert full.equal(weight)
    pointwise, _ = copy('pointwise', conv(8, 8))
    torch.testing.assert_close(pointwise[:, :, 0, 0], weight.sum((2, 3)))
    depthwise, _ = copy('depthwise', conv(8, 8))
    assert all(depthwise[i, 0].equal(weight[i, i]) for i in range(8))
    lowrank, _ = copy('lowrank', conv(8, 8))
    torch.testing.assert_close(lowrank[1], weight[4:].mean(0))
    blocks, wide = copy('depthwise', conv(4, 8))
    assert blocks[3, 0].equal(wide[3, 1]) and blocks[6, 0].equal(wide[6, 3])


def trained(layer, x, delta):
    layer(x).backward(delta)
    return x.grad


@pytest.mark.parametrize(
    'surge',
    [
        dict(branch='tied'),
        dict(branch='pointwise'),
        dict(branch='depthwise'),
        dict(branch='lowrank'),
        dict(branch='lowrank', aux_grad='unscaled'),
        dict(dtype='bfloat16'),
        dict(mode='running'),
    ],
)
def test_every_branch_trains_in_a_layer(surge):
    torch.manual_seed(1)
    layer = BinaryConv2d(8, 8, 3, padding=1, surge=surge)
    x = (torch.randn(2, 8, 6, 6) * 2).requires_grad_()
    out = layer(x)
    out.square().sum().backward()
    assert layer.compensated and x.grad.isfinite().all()
    names = {n for n, _ in layer.named_parameters()}
    assert ('aux_weight' in names) == (surge.get('branch') != 'tied')
    if surge.get('mode') != 'running':
        assert layer.ags.read().scale > 0
    if 'aux_weight' in names:
        assert layer.aux_weight.grad.dtype == torch.float32
    other = BinaryConv2d(8, 8, 3, padding=1, surge=surge)
    other.load_state_dict(layer.state_dict())
    assert other.eval()(x).equal(layer.eval()(x))


def test_tied_equals_full_with_a_copy_of_the_weight():
    torch.manual_seed(1)
    full = BinaryConv2d(4, 8, 3, padding=1)
    tied = BinaryConv2d(4, 8, 3, padding=1, surge=dict(branch='tied'))
    tied.weight, tied.bias = full.weight, full.bias
    x = torch.randn(2, 4, 6, 6) * 2
    delta = torch.randn(2, 8, 6, 6)
    grads = [trained(layer, x.clone().requires_grad_(), delta) for layer in (full, tied)]
    assert grads[0].equal(grads[1])
    # and it follows the weight
    with torch.no_grad():
        tied.weight.mul_(-1)
    assert not trained(tied, x.clone().requires_grad_(), delta).equal(grads[1])


def test_bfloat16_branch_is_close_and_leaves_the_binary_path_alone():
    torch.manual_seed(1)
    x = torch.randn(2, 8, 6, 6) * 2
    delta = torch.randn(2, 8, 6, 6)
    grads, aux = [], []
    for dtype in (None, 'bfloat16'):
        torch.manual_seed(2)
        layer = BinaryConv2d(8, 8, 3, padding=1, surge=dict(dtype=dtype))
        grads.append(trained(layer, x.clone().requires_grad_(), delta))
        aux.append(layer.aux_weight.grad)
        plain = layer.weight.grad.clone()
    assert not grads[0].equal(grads[1])
    assert (grads[0] - grads[1]).norm() < 0.01 * grads[0].norm()
    assert (aux[0] - aux[1]).norm() < 0.01 * aux[0].norm()
    assert plain.dtype == torch.float32


@pytest.mark.parametrize(
    'layer, surge',
    [
        (dict(cls=BinaryLinear, args=(8, 8)), dict(branch='pointwise')),
        (dict(cls=BinaryConv2d, args=(8, 6, 3)), dict(branch='lowrank')),
        (dict(cls=BinaryConv2d, args=(8, 8, 3)), dict(branch='pointwise')),
        (dict(cls=BinaryConv2d, args=(8, 8, 3, 1, 1, 1, 2)), dict(branch='depthwise')),
    ],
)
def test_a_branch_that_does_not_fit_is_refused(layer, surge):
    with pytest.raises(ValueError, match="branch='tied'"):
        layer['cls'](*layer['args'], surge=surge)
