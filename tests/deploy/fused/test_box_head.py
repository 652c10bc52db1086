"""Box heads that read regions in another form find what mmdet's find."""

import copy

import pytest
import torch
from deploy.packing import config, detector
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmengine.config import ConfigDict

from surge_mmdet.deploy.fold import pack_model
from surge_mmdet.deploy.fused.box_head import FloatTrunk, Int8Trunk, PackedBoxHead, SignTrunk
from surge_mmdet.deploy.fused.fuse import fuse
from surge_mmdet.deploy.int8 import compute_of
from surge_mmdet.kernels import ops
from surge_mmdet.models import BinaryShared2FCBBoxHead

KERNELS = (*ops.compiled_kernels(), 'torch')
RPRELU = dict(type='RPReLU')
MASKS = dict(type='FCNMaskHead', num_convs=1, num_classes=3)


def roi_head(kind='Shared2FCBBoxHead', channels=32, parts=None, **options):
    """A head with 3 classes, its predictions of some size."""
    torch.manual_seed(0)
    head = StandardRoIHead(
        bbox_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=(3, 2), sampling_ratio=0),
            out_channels=channels,
            featmap_strides=[4, 8],
        ),
        bbox_head=dict(
            type=kind,
            in_channels=channels,
            fc_out_channels=48,
            roi_feat_size=(3, 2),
            num_classes=3,
            bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
            **options,
        ),
        test_cfg=ConfigDict(score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5)),
        **(parts or {}),
    )
    for name, parameter in head.bbox_head.named_parameters():
        if 'fc' in name and not name.endswith('aux_weight'):
            torch.nn.init.normal_(parameter, std=0.3)
    for norm in getattr(head.bbox_head, 'shared_norms', []):
        torch.nn.init.uniform_(norm.running_var, 20, 40)
        torch.nn.init.normal_(norm.running_mean, std=3)
    return head.eval()


def packed(head, compute):
    holder = torch.nn.ModuleList([copy.deepcopy(head)])
    if any('Binary' in type(m).__name__ for m in head.modules()):
        pack_model(holder)
    return fuse(holder, compute)[0]


def outputs(head, count, channels=32):
    torch.manual_seed(1)
    feats = tuple(torch.randn(2, channels, 80 // s, 96 // s) for s in (4, 8))
    corners = torch.rand(count, 2) * 60
    image = torch.arange(count)[:, None] % 2
    rois = torch.cat([image, corners, corners + 1 + torch.rand(count, 2) * 40], 1)
    with torch.no_grad():
        found = head._bbox_forward(feats, rois)
    return found['cls_score'], found['bbox_pred']


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('count', [17, 1, 0])
@pytest.mark.parametrize('compute', ['float32', 'int8'])
def test_real_layers(monkeypatch, kernel, count, compute):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    head = roi_head()
    twin = packed(head, compute)
    assert isinstance(twin.bbox_head.trunk, dict(float32=FloatTrunk, int8=Int8Trunk)[compute])
    for want, got in zip(outputs(head, count), outputs(twin, count), strict=True):
        assert got.shape == want.shape and got.is_contiguous()
        if compute == 'float32':
            torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
        else:
            assert (got - want).norm() <= 0.05 * want.norm()


@pytest.mark.parametrize('most, trunk', [(191, FloatTrunk), (192, Int8Trunk)])
def test_a_layer_too_wide_for_int8_runs_in_float32(monkeypatch, caplog, most, trunk):
    monkeypatch.setattr('surge_mmdet.deploy.int8.MOST_COLUMNS', most)  # regions have 3 * 2 * 32
    twin = packed(roi_head(), 'int8')
    assert type(twin.bbox_head.trunk) is trunk
    assert twin.bbox_roi_extractor.form == trunk.form
    reason = 'a layer of 192 columns runs in float32 instead of int8'
    assert (reason in caplog.text) == (trunk is FloatTrunk)


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('channels', [32, 24])
@pytest.mark.parametrize('count', [17, 1, 0])
@pytest.mark.parametrize('act', [dict(type='PReLU'), RPRELU])
def test_binary_layers(monkeypatch, kernel, channels, count, act):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    head = roi_head('surge_mmdet.BinaryShared2FCBBoxHead', channels, act_cfg=act)
    twin = packed(head, 'float32')
    assert isinstance(twin.bbox_head.trunk, SignTrunk)
    for want, got in zip(
        outputs(head, count, channels), outputs(twin, count, channels), strict=True
    ):
        assert got.shape == want.shape
        far = (got - want).abs() > 1e-3 * (1 + want.abs())
        assert not far.any(1).sum() > 1  # one sign at 0 may flip


@pytest.mark.parametrize('kernel', KERNELS)
def test_thresholds_of_binary_layers(monkeypatch, kernel):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    head = roi_head('surge_mmdet.BinaryShared2FCBBoxHead')
    holder = torch.nn.ModuleList([copy.deepcopy(head)])
    pack_model(holder)
    for fc in holder[0].bbox_head.shared_fcs:
        fc.threshold = torch.randn(fc.layer.channels) / 4
    want = outputs(holder[0], 17)
    got = outputs(fuse(copy.deepcopy(holder))[0], 17)
    for a, b in zip(want, got, strict=True):
        assert not ((a - b).abs() > 1e-3 * (1 + a.abs())).any(1).sum() > 1


@pytest.mark.parametrize(
    'head',
    [
        lambda: roi_head('Shared4Conv1FCBBoxHead'),
        lambda: roi_head(with_avg_pool=True),
        lambda: roi_head(with_reg=False),
        lambda: roi_head('surge_mmdet.BinaryShared2FCBBoxHead', policy=None),
        lambda: roi_head(parts=dict(mask_head=MASKS)),
    ],
    ids=['other layers', 'average pooling', 'no offsets', 'real layers with norms', 'shared'],
)
def test_heads_that_stay(head):
    twin = fuse(torch.nn.ModuleList([head()]))[0]
    assert not isinstance(twin.bbox_head, PackedBoxHead)
    assert twin.bbox_roi_extractor.form == 'float'


@pytest.mark.parametrize('compute', ['float32', 'int8'])
def test_a_whole_detector(compute):
    model = detector(config('FasterRCNN', roi_head=dict(bbox_head=dict(type='Shared2FCBBoxHead'))))
    twin = fuse(pack_model(copy.deepcopy(model))[0], compute)
    assert isinstance(twin.roi_head.bbox_head, PackedBoxHead)
    assert not isinstance(twin.roi_head.bbox_head, BinaryShared2FCBBoxHead)
    assert isinstance(twin.roi_head.bbox_head, Shared2FCBBoxHead)
    state = twin.state_dict()
    copy.deepcopy(twin).load_state_dict(state)
    assert 'roi_head.bbox_head.trunk.first.weight' in state


def test_how_to_compute(monkeypatch):
    monkeypatch.setenv('SURGE_KERNEL', 'torch')
    assert compute_of() == compute_of('auto') == 'float32'
    monkeypatch.setenv('SURGE_REAL_COMPUTE', 'Int8')
    assert compute_of() == 'int8' and compute_of('float32') == 'float32'
    with pytest.raises(ValueError, match=r"unknown 'int4'.*real_compute='int8'"):
        compute_of('int4')
