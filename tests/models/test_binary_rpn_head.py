import copy

import pytest
import torch
from mmcv.cnn import fuse_conv_bn
from mmdet.models import RPNHead
from mmengine.registry import DefaultScope
from torch import nn

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.models import BinaryRPNHead, compare

ANCHORS = dict(type='AnchorGenerator', scales=[8], ratios=[0.5, 1.0, 2.0], strides=[4, 8])


@pytest.fixture(autouse=True)
def mmdet_scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def build(cls=BinaryRPNHead, **kwargs):
    torch.manual_seed(1)
    return cls(
        in_channels=8,
        feat_channels=kwargs.pop('feat_channels', 8),
        anchor_generator=ANCHORS,
        **kwargs,
    )


def maps():
    return torch.randn(2, 8, 8, 8), torch.randn(2, 8, 4, 4)


@pytest.mark.parametrize('width', [8, 12])
def test_forward_shapes(width):
    scores, offsets = build(feat_channels=width)(maps())
    assert [tuple(s.shape) for s in scores] == [(2, 3, 8, 8), (2, 3, 4, 4)]
    assert [tuple(o.shape) for o in offsets] == [(2, 12, 8, 8), (2, 12, 4, 4)]


def test_only_the_3x3_convolution_is_binary():
    head = build()
    assert type(head.rpn_conv) is BinaryConv2d
    assert type(head.rpn_cls) is type(head.rpn_reg) is nn.Conv2d
    assert head.policy_decisions['rpn_reg'].reason.startswith('prediction')


def test_fusing_conv_and_bn_keeps_the_result():
    head = build().eval()
    nn.init.uniform_(head.rpn_norm.weight, -2, 2)
    nn.init.normal_(head.rpn_norm.running_mean)
    levels = maps()
    want = head(levels)
    got = fuse_conv_bn(head)(levels)
    for w, g in zip((*want[0], *want[1]), (*got[0], *got[1]), strict=True):
        torch.testing.assert_close(g, w)
    assert type(head.rpn_norm) is nn.Identity


def test_names_of_a_real_valued_head_stay():
    real = build(RPNHead)
    head = build(policy=dict(layer=dict(surge=None)))
    report = compare(head, real.state_dict())
    assert sorted(report.matched) == sorted(real.state_dict())
    assert 'rpn_conv.weight' in report.matched
    assert all(name.startswith('rpn_norm.') for name in report.missing)
    assert not report.left_over and not report.other_shape


@pytest.mark.parametrize('number', [0, 2])
def test_other_number_of_convolutions_is_refused(number):
    with pytest.raises(ValueError, match='Write num_convs=1'):
        build(num_convs=number)


def test_shortcut_carries_real_values_to_the_predictions():
    head = build().eval()
    nn.init.zeros_(head.rpn_norm.weight)
    x = torch.randn(1, 8, 4, 4)
    scores, offsets = head.forward_single(x)
    assert scores.equal(head.rpn_cls(x.relu()))
    assert offsets.equal(head.rpn_reg(x.relu()))


def test_none_keeps_the_convolution_real():
    head = build(policy=None)
    assert type(head.rpn_conv) is nn.Conv2d
    (x,) = maps()[1:]
    want = (head.rpn_norm(head.rpn_conv(x)) + x).relu()
    assert head.forward_single(x)[0].equal(head.rpn_cls(want))


def test_initial_weights_are_wide_in_the_binary_and_small_in_the_others():
    head = build()
    head.init_weights()
    assert head.rpn_conv.weight.std() > 0.05
    assert head.rpn_cls.weight.std() < 0.03
    assert head.rpn_reg.weight.std() < 0.03


def test_losses_reach_every_parameter():
    head = build().train()
    inputs = [m.requires_grad_() for m in maps()]
    outputs = sum(head(inputs), [])
    sum(out.square().sum() for out in outputs).backward()
    assert all(p.grad.abs().sum() > 0 for p in head.parameters())


def test_deepcopy_is_equal():
    head = build().eval()
    other = copy.deepcopy(head)
    (x,) = maps()[1:]
    assert head.forward_single(x)[0].equal(other.forward_single(x)[0])
