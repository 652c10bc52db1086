from collections import OrderedDict

import pytest
from mmcv.cnn import ConvModule
from mmdet.models.dense_heads import SSDHead
from mmdet.models.layers import SELayer
from mmdet.models.roi_heads.bbox_heads import DoubleConvFCBBoxHead
from mmdet.models.roi_heads.shared_heads import ResLayer
from mmdet.utils import register_all_modules
from torch import nn

from surge_mmdet.convert import real_layers
from surge_mmdet.convert.defaults import (
    DEPTHWISE,
    FROZEN,
    GATE,
    OUTPUT,
    PREDICTION,
    STEM,
)


@pytest.fixture(autouse=True)
def registered():
    register_all_modules()


def detector(**parts):
    return nn.Sequential(OrderedDict(parts))


def conv(*args, **kwargs):
    return nn.Conv2d(*(args or (4, 4)), 1, **kwargs)


def test_first_convolution_of_the_backbone_reads_the_image():
    model = detector(neck=conv(), backbone=nn.Sequential(conv(), conv()))
    assert real_layers(model) == {'backbone.0': STEM}
    assert real_layers(nn.Sequential(conv(), conv())) == {'0': STEM}


@pytest.mark.parametrize('name', ['retina_cls', 'rpn_reg', 'rtm_obj', 'conv_centerness', 'fc_cls'])
def test_prediction_layers_by_name(name):
    for layer in (conv(), nn.ModuleList([conv(), conv()])):
        model = detector(backbone=conv(), bbox_head=detector(**{name: layer}))
        reasons = real_layers(model)
        found = {n for n in reasons if n.startswith('bbox_head')}
        assert len(found) == (1 if isinstance(layer, nn.Conv2d) else 2)
        assert {reasons[n] for n in found} == {PREDICTION}


def test_towers_of_a_head_are_not_predictions():
    tower = nn.Sequential(
        ConvModule(4, 4, 1), ConvModule(4, 4, 1, norm_cfg=dict(type='BN'), act_cfg=None)
    )
    model = detector(backbone=conv(), bbox_head=detector(cls_convs=tower))
    assert list(real_layers(model)) == ['backbone']


def test_last_convolution_of_a_head_by_what_follows_it():
    last = ConvModule(4, 2, 1, act_cfg=None)
    model = detector(
        backbone=conv(),
        bbox_head=nn.Sequential(ConvModule(4, 4, 1), last),
        neck=ConvModule(4, 4, 1, act_cfg=None),
    )
    assert real_layers(model) == {'backbone': STEM, 'bbox_head.1.conv': OUTPUT}


def test_hidden_convolution_of_the_rpn():
    head = detector(rpn_conv=conv(), rpn_cls=conv(), rpn_reg=conv())
    model = detector(backbone=conv(), rpn_head=head)
    assert set(real_layers(model)) == {'backbone', 'rpn_head.rpn_cls', 'rpn_head.rpn_reg'}


def test_every_convolution_of_mmdets_ssd_head_predicts():
    head = SSDHead(
        num_classes=3,
        in_channels=(4, 4, 4),
        anchor_generator=dict(
            type='SSDAnchorGenerator',
            scale_major=False,
            input_size=300,
            basesize_ratio_range=(0.15, 0.9),
            strides=[8, 16, 32],
            ratios=[[2], [2], [2]],
        ),
    )
    reasons = real_layers(detector(backbone=conv(), bbox_head=head))
    assert [
        reasons[f'bbox_head.{kind}_convs.{i}.0'] for kind in ('cls', 'reg') for i in (0, 1, 2)
    ] == [OUTPUT] * 6


def test_residual_blocks_in_heads_are_hidden_layers():
    shared = ResLayer(depth=18, stage=3)
    reasons = real_layers(detector(backbone=conv(), roi_head=detector(shared_head=shared)))
    assert set(reasons) == {'backbone', 'roi_head.shared_head.layer4.0.downsample.0'}
    double = DoubleConvFCBBoxHead(
        num_convs=1, num_fcs=1, in_channels=4, conv_out_channels=8, fc_out_channels=8
    )
    reasons = real_layers(detector(backbone=conv(), bbox_head=double))
    assert set(reasons) == {'backbone', 'bbox_head.fc_cls', 'bbox_head.fc_reg'}


def test_gates_depthwise_and_frozen_layers():
    frozen = conv()
    frozen.weight.requires_grad_(False)
    neck = detector(
        se=SELayer(16),
        depthwise=conv(4, 4, groups=4),
        grouped=conv(8, 8, groups=4),
        single=conv(1, 1),
        frozen=frozen,
    )
    reasons = real_layers(detector(backbone=conv(), neck=neck))
    assert reasons == {
        'backbone': STEM,
        'neck.se.conv1.conv': GATE,
        'neck.se.conv2.conv': GATE,
        'neck.depthwise': DEPTHWISE,
        'neck.frozen': FROZEN,
    }


def test_offsets_of_deformable_convolutions():
    dcn = detector(conv_offset=conv(4, 18))
    reasons = real_layers(detector(backbone=nn.Sequential(conv(), detector(conv2=dcn))))
    assert 'offsets' in reasons['backbone.1.conv2.conv_offset']
