"""SSD's real parts in packed detectors: joined predictions, the norm of the first level."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmdet.models.necks.ssd_neck import L2Norm
from torch import nn

from surge_mmdet.deploy.fold import pack_model
from surge_mmdet.deploy.fused.fuse import fuse
from surge_mmdet.deploy.fused.ssd import PackedL2Norm, PackedSSDHead, Prediction
from surge_mmdet.deploy.fused.winograd import winograd_conv, winograd_weight
from surge_mmdet.kernels import ops
from surge_mmdet.models import BinarySSDHead, BinarySSDNeck, BinarySSDVGG

CHANNELS = (512, 1024, 256)
ANCHORS = dict(
    type='SSDAnchorGenerator',
    input_size=300,
    basesize_ratio_range=(0.15, 0.9),
    strides=[8, 16, 32],
    ratios=[[2], [2, 3], [2]],
)


def head(**options):
    return BinarySSDHead(3, CHANNELS, anchor_generator=ANCHORS, **options)


@pytest.fixture(scope='module')
def packed():
    torch.manual_seed(0)
    neck = BinarySSDNeck(
        in_channels=CHANNELS[:2], out_channels=CHANNELS, level_strides=(2,), level_paddings=(1,)
    )
    nn.init.uniform_(neck.l2_norm.weight, 15, 25)  # empty memory until init_weights
    backbone = BinarySSDVGG(11, out_feature_indices=(14, 24), out_indices=(3, 4))
    model = nn.ModuleDict(dict(features=nn.Sequential(backbone, neck), head=head()))
    with torch.no_grad():
        model.train()['features'](torch.randn(2, 3, 65, 97))
    return pack_model(model)[0]


def test_one_convolution_gives_classes_and_boxes_of_a_level(packed):
    fused = fuse(copy.deepcopy(packed))['head']
    assert isinstance(fused, PackedSSDHead) and not hasattr(fused, 'cls_convs')
    levels = tuple(torch.randn(2, c, 7 - i, 5) for i, c in enumerate(CHANNELS))
    with torch.no_grad():
        for ones, others in zip(packed['head'](levels), fused(levels), strict=True):
            for one, other in zip(ones, others, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('shape', [(1, 5, 7, 3), (2, 16, 17, 300), (1, 4, 4, 40), (0, 3, 3, 5)])
def test_products_of_tiles_give_the_convolution(shape):
    x, weight, bias = torch.randn(shape), torch.randn(6, shape[3], 3, 3), torch.randn(6)
    found = winograd_conv(x, winograd_weight(weight), bias).permute(0, 3, 1, 2)
    want = F.conv2d(x.permute(0, 3, 1, 2).double(), weight.double(), bias.double(), 1, 1)
    typical = (9 * shape[3]) ** 0.5
    torch.testing.assert_close(found, want.float(), rtol=0, atol=1e-4 * typical)


def test_large_predictions_are_products_of_tiles_and_follow_their_weights():
    conv = Prediction.of(nn.Conv2d(256, 5, 3, padding=1).eval().requires_grad_(False))
    large, small = torch.randn(1, 16, 16, 256), torch.randn(1, 15, 15, 256)
    for x, used in ((small, False), (large, True)):
        torch.testing.assert_close(
            conv.nhwc(x), conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), rtol=1e-4, atol=1e-4
        )
        assert (conv._winograd is not None) == used
    conv.load_state_dict(dict(weight=torch.zeros(5, 256, 3, 3), bias=torch.ones(5)))
    assert conv.nhwc(large).eq(1).all()
    strided = Prediction.of(nn.Conv2d(256, 5, 3, 2, padding=1).eval().requires_grad_(False))
    assert strided.nhwc(large).shape == (1, 8, 8, 5)


def test_heads_of_another_form_stay_as_they_are():
    other = head()
    assert PackedSSDHead.fits(other)
    other.cls_convs[0][0].stride = (2, 2)
    assert not PackedSSDHead.fits(other)
    assert not PackedSSDHead.fits(head(stacked_convs=1, feat_channels=8))
    assert not PackedSSDHead.fits(pack_model(nn.ModuleList([head(policy={})]))[0][0])


def test_the_norm_is_mmdets():
    norm, x = L2Norm(12, 20.0), torch.randn(2, 12, 5, 7).to(memory_format=torch.channels_last)
    torch.nn.init.normal_(norm.weight)
    x[0, :, 0, 0] = 0
    with torch.no_grad():
        torch.testing.assert_close(PackedL2Norm.of(norm)(x), norm(x))


@pytest.mark.parametrize('kernel', (*ops.compiled_kernels(), 'torch'))
def test_maps_and_predictions_are_those_of_the_packed_layers_one_by_one(
    monkeypatch, kernel, packed
):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    fused = fuse(copy.deepcopy(packed))
    x = torch.randn(2, 3, 65, 97)
    with torch.no_grad():
        maps = [model['features'](x) for model in (packed, fused)]
        found = [model['head'](m) for model, m in zip((packed, fused), maps, strict=True)]
    for ones, others in ((maps[0], maps[1]), *zip(*found, strict=True)):
        for one, other in zip(ones, others, strict=True):
            assert one.shape == other.shape
            # A sign at 0 may flip by rounding, and takes its neighbourhood with it.
            assert ((one - other).abs() > 1e-3 * (1 + one.abs())).float().mean() < 0.02
