"""The compiled RoIAlign against mmcv's, and what it gives in place of numbers."""

import pytest
import torch
from mmcv.ops import RoIAlign
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import nn

from surge_mmdet.deploy.fused.roi import PackedRoIExtractor, region_features
from surge_mmdet.kernels import ops
from surge_mmdet.kernels.int8 import quantize_rows

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


def extractor(channels=8):
    layer = dict(type='RoIAlign', output_size=7, sampling_ratio=0)
    return SingleRoIExtractor(layer, channels, [4, 8, 16, 32])


def pyramid(channels=8):
    return tuple(torch.randn(2, channels, 160 // s, 200 // s) for s in (4, 8, 16, 32, 64))


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('channels', [1, 16, 70, 256])
@pytest.mark.parametrize('sampling, aligned', [(0, True), (2, True), (0, False), (3, False)])
def test_it_is_mmcvs(monkeypatch, kernel, channels, sampling, aligned):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    feat, rois = torch.randn(2, channels, 13, 17), regions(40)
    layer = RoIAlign((7, 5), 0.25, sampling, 'avg', aligned)
    maps, level = [feat.permute(0, 2, 3, 1).contiguous()], torch.zeros(40, dtype=torch.long)
    got = region_features(maps, rois, level, nn.ModuleList([layer]))
    torch.testing.assert_close(got.permute(0, 3, 1, 2), layer(feat, rois), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('kernel', KERNELS)
def test_the_extractor_is_mmdets(monkeypatch, kernel):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    plain, feats = extractor(), pyramid()
    assert PackedRoIExtractor.fits(plain)
    packed = PackedRoIExtractor.of(plain)
    for rois in (regions(60, 160.0), regions(3), torch.zeros(0, 5)):
        want = plain(feats[:4], rois)
        torch.testing.assert_close(packed(feats[:4], rois), want, rtol=1e-4, atol=1e-5)
        want = plain(feats[:4], rois, roi_scale_factor=1.5)
        torch.testing.assert_close(packed(feats[:4], rois, 1.5), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('channels', [8, 64, 70])
@pytest.mark.parametrize('count', [60, 0])
def test_other_forms_are_made_of_its_numbers(monkeypatch, kernel, channels, count):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    packed = PackedRoIExtractor.of(extractor(channels))
    feats, rois = pyramid(channels)[:4], regions(60, 160.0)[:count]
    rows = packed(feats, rois).permute(0, 2, 3, 1).flatten(1)
    packed.form = 'int8'
    got, want = packed(feats, rois), quantize_rows(rows)
    assert got.values.equal(want.values) and got.scale.equal(want.scale)
    packed.form = 'signs'
    for packed.threshold in (None, torch.randn(49 * channels) / 4):
        want = ops.pack_signs(rows.contiguous(), packed.threshold, 49)
        assert packed(feats, rois).equal(want.unflatten(1, (7, 7, -1)))


@pytest.mark.parametrize('kernel', KERNELS)
def test_a_region_of_no_size_is_zeros(monkeypatch, kernel):
    """mmdet finds no level for a region whose size is NaN."""
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    packed, rois = PackedRoIExtractor.of(extractor()), regions(4)
    rois[2] = torch.tensor([0.0, 10, 10, 5, 20])  # negative width
    got = packed(pyramid()[:4], rois)
    assert got.isfinite().all() and (got[2] == 0).all()


@pytest.mark.skipif(len(KERNELS) == 1, reason='the kernels were not compiled')
def test_a_region_of_an_image_that_is_not_there_is_refused():
    packed, rois = PackedRoIExtractor.of(extractor()), torch.tensor([[2.0, 0, 0, 4, 4]])
    with pytest.raises(RuntimeError, match='region 0 is of an image that is not there'):
        packed(pyramid()[:4], rois)
