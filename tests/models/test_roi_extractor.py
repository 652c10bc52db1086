"""The extractor whose RoIAlign is this package's."""

import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor

from surge_mmdet.deploy.fused.roi import PackedRoIExtractor
from surge_mmdet.layers.roi_align import PlanarRoIAlign
from surge_mmdet.models import PlanarRoIExtractor

OPTIONS = (dict(type='RoIAlign', output_size=7, sampling_ratio=2), 8, [4, 8])


def test_features_and_gradients_are_mmdets():
    torch.manual_seed(0)
    rois = torch.tensor([[0.0, 3, 4, 50, 60], [0, 0, 0, 130, 120], [1, 20, 5, 150, 150]])
    found = []
    for kind in (PlanarRoIExtractor, SingleRoIExtractor):
        torch.manual_seed(1)
        feats = [torch.randn(2, 8, 160 // s, 160 // s, requires_grad=True) for s in (4, 8)]
        out = kind(*OPTIONS)(feats, rois)
        out.square().sum().backward()
        found.append([out.detach(), *(f.grad for f in feats)])
    for got, want in zip(*found, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)


def test_options_are_kept_and_other_layers_too():
    ours, theirs = PlanarRoIExtractor(*OPTIONS), SingleRoIExtractor(*OPTIONS)
    for got, want in zip(ours.roi_layers, theirs.roi_layers, strict=True):
        assert isinstance(got, PlanarRoIAlign) and vars(got).keys() == vars(want).keys()
        names = ('output_size', 'spatial_scale', 'sampling_ratio', 'pool_mode', 'aligned')
        assert all(getattr(got, name) == getattr(want, name) for name in names)
    pooled = PlanarRoIExtractor(dict(type='RoIPool', output_size=7), 8, [4])
    assert type(pooled.roi_layers[0]).__name__ == 'RoIPool'


def test_it_can_be_packed():
    assert PackedRoIExtractor.fits(PlanarRoIExtractor(*OPTIONS))
