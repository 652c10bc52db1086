"""RoIAlign of training against mmcv's, forward and backward."""

import pytest
import torch
from mmcv.ops import RoIAlign

from surge_mmdet.kernels import ops
from surge_mmdet.layers.roi_align import PlanarRoIAlign

pytestmark = pytest.mark.skipif(not ops.compiled_kernels(), reason='the kernels were not compiled')
CLOSE = dict(rtol=1e-4, atol=1e-5)


def regions(count=40, size=80.0, images=2):
    torch.manual_seed(0)
    corners, sides = torch.rand(count, 2) * size - 10, torch.rand(count, 2) * size
    image = torch.randint(images, (count, 1)).float()
    rois = torch.cat([image, corners, corners + sides], 1)
    rois[0, 1:] = torch.tensor([5.0, 5.0, 5.0, 5.0])  # no area
    rois[1, 1:] = torch.tensor([-500.0, -500.0, -400.0, -400.0])  # outside
    rois[2, 1:] = torch.tensor([0.0, 0.0, 300.0, 300.0])
    return rois


def both_ways(layer, x, rois):
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(x, rois)
    y.backward(torch.cos(torch.arange(y.numel()).to(y.dtype)).view_as(y))
    return y.detach(), x.grad


@pytest.mark.parametrize('channels', [1, 16, 70])
@pytest.mark.parametrize('sampling, aligned', [(0, True), (2, True), (0, False), (3, False)])
def test_it_is_mmcvs(channels, sampling, aligned):
    options = ((7, 5), 0.25, sampling, 'avg', aligned)
    x, rois = torch.randn(2, channels, 13, 17), regions()
    pair = [both_ways(kind(*options), x, rois) for kind in (PlanarRoIAlign, RoIAlign)]
    for got, want in zip(*pair, strict=True):
        torch.testing.assert_close(got, want, **CLOSE)


def test_channels_last_maps_give_the_same():
    x, rois = torch.randn(2, 8, 13, 17), regions()
    layer = PlanarRoIAlign(7, 0.25, 2)
    pair = [both_ways(layer, each, rois) for each in (x, x.to(memory_format=torch.channels_last))]
    assert all(g.equal(w) for g, w in zip(*pair, strict=True))


def test_the_gradient_is_the_transpose_of_the_average():
    x, rois = torch.randn(2, 6, 13, 17), regions()
    layer = PlanarRoIAlign(3, 0.25, 2)
    y, grad = both_ways(layer, x, rois)
    delta = torch.cos(torch.arange(y.numel()).float()).view_as(y)
    torch.testing.assert_close((y * delta).sum(), (grad * x).sum(), **CLOSE)


@pytest.mark.parametrize('threads', [1, 3])
def test_sums_have_one_order(threads):
    x, rois = torch.randn(2, 16, 13, 17), regions()
    layer = PlanarRoIAlign(7, 0.25, 2)
    want = both_ways(layer, x, rois)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        got = both_ways(layer, x, rois)
    finally:
        torch.set_num_threads(before)
    assert all(g.equal(w) for g, w in zip(got, want, strict=True))


@pytest.mark.parametrize('mode, dtype', [('max', torch.float32), ('avg', torch.float64)])
def test_the_rest_is_mmcvs_own(mode, dtype):
    x, rois = torch.randn(2, 8, 13, 17, dtype=dtype), regions().to(dtype)
    pair = [both_ways(kind(7, 0.25, 2, mode), x, rois) for kind in (PlanarRoIAlign, RoIAlign)]
    assert all(g.equal(w) for g, w in zip(*pair, strict=True))
    assert PlanarRoIAlign(7, 0.25, 2)(x, rois[:0]).shape == (0, 8, 7, 7)
