import pytest
import torch
from mmdet.models import ResNet
from mmdet.models.roi_heads.shared_heads import ResLayer
from torch import nn

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.models import BinaryResLayer, BinaryResNet

PLAIN = dict(layer=dict(surge=None))


@pytest.mark.parametrize('depth, width', [(18, 512), (50, 2048)])
def test_stage_and_shape(depth, width):
    head = BinaryResLayer(depth, policy=PLAIN).eval()
    out = head(torch.randn(2, width // 2, 7, 7))
    assert out.shape == (2, width, 4, 4)
    real = [n for n, d in head.policy_decisions.items() if not d.binary]
    assert real == ['layer4.0.downsample.1']


def test_equals_the_last_stage_of_the_backbone():
    torch.manual_seed(0)
    net = BinaryResNet(18, policy=PLAIN).eval()
    head = BinaryResLayer(18, policy=PLAIN).eval()
    own = {n: v for n, v in net.state_dict().items() if n.startswith('layer4.')}
    head.load_state_dict(own)
    x = torch.randn(1, 256, 6, 6)
    assert head(x).equal(net.layer4(x))


def test_same_place_as_mmdets_shared_head():
    names = {
        n.replace('downsample.1', 'downsample.2').replace('downsample.0', 'downsample.1')
        for n in ResLayer(50).state_dict()
    }
    own = {n for n in BinaryResLayer(50, policy=PLAIN).state_dict() if '.act' not in n}
    assert {n for n in own if 'downsample' not in n} == {n for n in names if 'downsample' not in n}


def test_norms_train_unless_norm_eval():
    for norm_eval in (True, False):
        head = BinaryResLayer(18, policy=PLAIN, norm_eval=norm_eval)
        assert head.train() is head
        norms = [m for m in head.modules() if isinstance(m, nn.BatchNorm2d)]
        assert {m.training for m in norms} == {not norm_eval}


def test_policy_none_and_stage():
    head = BinaryResLayer(34, stage=2, policy=None)
    assert len(head.layer3) == 6
    assert not any(isinstance(m, BinaryConv2d) for m in head.modules())


def test_unknown_depth_is_refused():
    with pytest.raises(ValueError, match='Write depth= one'):
        BinaryResLayer(20)


def checkpoint(tmp_path, depth, prefix='backbone.'):
    torch.manual_seed(depth)
    net = ResNet(depth)
    path = str(tmp_path / f'{depth}.pth')
    torch.save({prefix + k: v for k, v in net.state_dict().items()}, path)
    return net, path


def test_starts_from_the_stage_of_a_real_backbone(tmp_path):
    net, path = checkpoint(tmp_path, 18)
    head = BinaryResLayer(
        18, policy=PLAIN, init_cfg=dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    )
    head.init_weights()
    assert head.layer4[1].conv2.weight.equal(net.layer4[1].conv2.weight)
    assert head.layer4[0].downsample[1].weight.equal(net.layer4[0].downsample[0].weight)
    assert head.layer4[0].downsample[2].running_var.equal(net.layer4[0].downsample[1].running_var)


def test_stage_of_another_depth_is_refused(tmp_path):
    _, path = checkpoint(tmp_path, 34)
    head = BinaryResLayer(
        18, policy=PLAIN, init_cfg=dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    )
    with pytest.raises(ValueError, match='write depth=34, or'):
        head.init_weights()
