"""Activation checkpointing: a forward twice, a backward once."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.models import BinaryResNet

OPTIONS = [
    dict(),
    dict(mode='running'),
    dict(combine='norm_preserving'),
    dict(branch='tied'),
    dict(branch='pointwise'),
    dict(branch='depthwise'),
    dict(branch='lowrank'),
    dict(dtype='bfloat16'),
    dict(mode='running', branch='tied', combine='norm_preserving'),
]
NAMES = ['-'.join(map(str, each.values())) or 'paper' for each in OPTIONS]
MODES = [dict(), dict(mode='running')]


def binary_layers(net):
    return [m for m in net.modules() if isinstance(m, (BinaryConv2d, BinaryLinear))]


def prepare(net):
    """Running norms of some steps before, so that lambda is not 0."""
    for layer in binary_layers(net):
        if 'running' in dict(layer.ags.named_buffers()):
            layer.ags.running.copy_(torch.tensor([4.0, 1.0, 5.0]))
    return net


def stack(surge):
    torch.manual_seed(0)
    options = dict(padding=1, surge=surge)
    return prepare(
        nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.Sequential(
                BinaryConv2d(8, 8, 3, **options), nn.PReLU(8), BinaryConv2d(8, 4, 3, **options)
            ),
        )
    )


def fully_connected(surge):
    torch.manual_seed(0)
    return prepare(
        nn.Sequential(
            nn.Linear(3, 8),
            nn.Sequential(
                BinaryLinear(8, 8, surge=surge), nn.PReLU(), BinaryLinear(8, 4, surge=surge)
            ),
        )
    )


def state(net):
    """Gradients of all parameters, and all buffers of AGS."""
    own = {n: p.grad for n, p in net.named_parameters()}
    assert all(grad is not None for grad in own.values())
    return {**own, **{n: b for n, b in net.named_buffers() if '.ags.' in n}}


def backward(net, x, **how):
    torch.manual_seed(1)
    x = net[0](x)
    y = checkpoint(net[1], x, **how) if how else net[1](x)
    (y * torch.randn_like(y)).sum().backward()
    return state(net)


def assert_equal(plain, again):
    assert plain.keys() == again.keys()
    for name, value in plain.items():
        assert value.equal(again[name]), name


@pytest.mark.parametrize('reentrant', [False, True])
@pytest.mark.parametrize('surge', OPTIONS, ids=NAMES)
def test_gradients_and_statistics_are_those_without(surge, reentrant):
    net, x = stack(surge), torch.randn(2, 3, 8, 8)
    twin = copy.deepcopy(net)
    plain = backward(net, x)
    assert_equal(plain, backward(twin, x, use_reentrant=reentrant))
    assert all(layer.ags.statistics[0] > 0 for layer in binary_layers(twin))


@pytest.mark.parametrize('reentrant', [False, True])
@pytest.mark.parametrize('surge', MODES, ids=('batch', 'running'))
def test_linear_layers_too(surge, reentrant):
    net, x = fully_connected(surge), torch.randn(6, 3)
    twin = copy.deepcopy(net)
    assert_equal(backward(net, x), backward(twin, x, use_reentrant=reentrant))


@pytest.mark.parametrize('reentrant', [False, True])
def test_a_call_is_counted_once(reentrant):
    net = stack(dict(mode='running'))
    for calls in (1, 2, 3):
        backward(net, torch.randn(2, 3, 8, 8), use_reentrant=reentrant)
        for layer in binary_layers(net):
            assert layer.ags.pending[2] == calls == layer.ags._open_calls
            assert layer.ags.statistics[4] == calls


@pytest.mark.parametrize('reentrant', [False, True])
def test_a_fresh_auxiliary_weight_starts_in_the_recomputation(reentrant):
    net = stack(dict())
    nn.init.normal_(net[1][0].weight)
    twin = copy.deepcopy(net)
    x = torch.randn(2, 3, 8, 8)
    assert_equal(backward(net, x), backward(twin, x, use_reentrant=reentrant))
    assert twin[1][0].aux_weight.equal(twin[1][0].weight)


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('surge', MODES, ids=('batch', 'running'))
def test_with_cp_of_the_backbone(surge, depth):
    results = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        net = prepare(
            BinaryResNet(
                depth,
                base_channels=8,
                stem_channels=8,
                num_stages=2,
                strides=(1, 2),
                dilations=(1, 1),
                out_indices=(0, 1),
                with_cp=with_cp,
                policy=dict(layer=dict(surge=surge)),
            )
        )
        net.train()
        torch.manual_seed(1)
        outs = net(torch.randn(2, 3, 32, 32))
        sum((out * torch.randn_like(out)).sum() for out in outs).backward()
        results.append(state(net))
    assert_equal(*results)
    counts = [v[2] for n, v in results[1].items() if n.endswith('pending')]
    assert all(count == 1 for count in counts)
    assert bool(counts) == bool(surge)
