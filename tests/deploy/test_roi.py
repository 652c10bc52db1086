"""The compiled RoIAlign against mmcv's."""

import pytest
import torch
from mmcv.ops import RoIAlign
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor

from surge_mmdet.deploy.roi import PackedRoIExtractor, roi_align
from surge_mmdet.kernels import ops

KERNELS = (*ops.compiled_kernels(), 'torch')


def regions(count, size=80.0, images=2):
    torch.manual_seed(0)
    corners = torch.rand(count, 2) * size - 10  # some leave the map
    sides = torch.rand(count, 2) * size
    image = torch.randint(images, (count, 1)).float()
    rois = torch.cat([image, corners, corners + sides], 1)
    rois[0, 1:] = torch.tensor([5.0, 5.0, 5.0, 5.0])  # no area
    rois[1, 1:] = torch.tensor([-500.0, -500.0, -400.0, -400.0])  # outside
    rois[2, 1:] = torch.tensor([0.0, 0.0, 300.0, 300.0])
    return rois


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('channels', [1, 16, 70, 256])
@pytest.mark.parametrize('sampling, aligned', [(0, True), (2, True), (0, False), (3, False)])
def test_it_is_mmcvs(monkeypatch, kernel, channels, sampling, aligned):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    feat, rois = torch.randn(2, channels, 13, 17), regions(40)
    layer = RoIAlign((7, 5), 0.25, sampling, 'avg', aligned)
    got = roi_align(feat.permute(0, 2, 3, 1).contiguous(), rois, layer)
    torch.testing.assert_close(got.permute(0, 3, 1, 2), layer(feat, rois), rtol=1e-4, atol=1e-5)


def test_the_extractor_is_mmdets():
    extractor = SingleRoIExtractor(
        dict(type='RoIAlign', output_size=7, sampling_ratio=0), 8, [4, 8, 16, 32]
    )
    assert PackedRoIExtractor.fits(extractor)
    packed = PackedRoIExtractor.of(extractor)
    feats = tuple(torch.randn(2, 8, 160 // s, 200 // s) for s in (4, 8, 16, 32, 64))
    for rois in (regions(60, 160.0), regions(3), torch.zeros(0, 5)):
        want = extractor(feats[:4], rois)
        torch.testing.assert_close(packed(feats[:4], rois), want, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(len(KERNELS) == 1, reason='the kernels were not compiled')
def test_a_region_of_an_image_that_is_not_there_is_refused():
    rois = torch.tensor([[2.0, 0, 0, 4, 4]])
    with pytest.raises(RuntimeError, match='region 0 is of an image that is not there'):
        torch.ops.surge_mmdet.roi_align(
            torch.zeros(2, 4, 4, 1), rois, 1.0, 2, 2, 0, True, KERNELS[0]
        )
