import pytest
import torch
from mmdet.models import SSDHead
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from torch import nn

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.models import BinarySSDHead

CHANNELS = (16, 8, 8, 8, 8, 8)
SIZES = (38, 19, 10, 5, 3, 1)
TRAIN = ConfigDict(
    assigner=dict(
        type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.0, ignore_iof_thr=-1
    ),
    sampler=dict(type='PseudoSampler'),
    smoothl1_beta=1.0,
    allowed_border=-1,
    pos_weight=-1,
    neg_pos_ratio=3,
)
TEST = ConfigDict(
    nms_pre=100,
    nms=dict(type='nms', iou_threshold=0.45),
    min_bbox_size=0,
    score_thr=0.02,
    max_per_img=10,
)


@pytest.fixture(autouse=True)
def mmdet_scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def build(**kwargs):
    torch.manual_seed(1)
    anchors = dict(
        type='SSDAnchorGenerator',
        scale_major=False,
        input_size=300,
        basesize_ratio_range=(0.15, 0.9),
        strides=[8, 16, 32, 64, 100, 300],
        ratios=[[2], [2, 3], [2, 3], [2, 3], [2], [2]],
    )
    return BinarySSDHead(
        num_classes=3,
        in_channels=CHANNELS,
        anchor_generator=anchors,
        train_cfg=TRAIN,
        test_cfg=TEST,
        **kwargs,
    )


def maps():
    return [torch.randn(1, c, s, s) for c, s in zip(CHANNELS, SIZES, strict=True)]


def metas(width=300, height=300):
    return [
        dict(
            img_shape=(height, width),
            pad_shape=(height, width),
            batch_input_shape=(height, width),
            ori_shape=(height, width),
            scale_factor=(1.0, 1.0),
        )
    ]


def truth():
    return [
        InstanceData(bboxes=torch.tensor([[10.0, 20.0, 120.0, 150.0]]), labels=torch.tensor([1]))
    ]


def convolutions(head):
    return [m for m in head.modules() if isinstance(m, nn.Conv2d)]


def test_predictions_are_real_by_default_and_as_mmdets():
    head = build()
    assert len(convolutions(head)) == 12
    assert all(type(m) is nn.Conv2d for m in convolutions(head))
    assert isinstance(head, SSDHead)
    losses = head.loss_by_feat(*head(maps()), truth(), metas())
    assert all(torch.isfinite(torch.stack(v)).all() for v in losses.values())


def test_policy_makes_predictions_binary():
    head = build(policy=dict(layer=dict(surge=dict(eta=0.2)), real={'reg_convs.*': 'offsets'}))
    kinds = [type(m) for m in convolutions(head)]
    assert kinds.count(BinaryConv2d) == 6
    losses = head.loss_by_feat(*head([m.requires_grad_() for m in maps()]), truth(), metas())
    sum(sum(v) for v in losses.values()).backward()
    assert head.cls_convs[0][0].aux_weight.grad.any()


@pytest.mark.parametrize('width, height', [(320, 240), (512, 512)])
def test_input_that_does_not_fit_the_anchors_is_refused(width, height):
    head = build()
    with pytest.raises(ValueError) as error:
        head.loss_by_feat(*head(maps()), truth(), metas(width, height))
    assert f'images are {width}x{height}' in str(error.value)
    assert 'scale=(300, 300), keep_ratio=False' in str(error.value)
    with pytest.raises(ValueError, match='input_size=300'):
        head.predict_by_feat(*head(maps()), batch_img_metas=metas(width, height))


def test_fitting_input_is_predicted():
    head = build()
    (found,) = head.predict_by_feat(*head(maps()), batch_img_metas=metas())
    assert found.bboxes.shape[1] == 4 and len(found) <= 10


def test_anchors_of_no_stated_size_are_not_judged():
    head = build()
    del head.prior_generator.input_size
    head.loss_by_feat(*head(maps()), truth(), metas(320, 240))
