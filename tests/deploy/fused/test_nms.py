"""The compiled suppression against mmcv's: the same boxes in the same order."""

import pytest
import torch
from mmcv.ops import nms
from mmengine.config import ConfigDict
from torch import nn

from surge_mmdet.deploy.fused.nms import packed_nms, use_packed_nms
from surge_mmdet.kernels import ops

KERNELS = (*ops.compiled_kernels(), 'torch')


def candidates(count):
    torch.manual_seed(count)
    corners = torch.rand(count, 2) * 100
    boxes = torch.cat([corners, corners + torch.rand(count, 2) * 60], 1)
    boxes[: count // 10, 2:] = boxes[: count // 10, :2]  # no area
    boxes[count // 2 : count // 2 + 5] = boxes[:5]  # twice
    return boxes, torch.rand(count)


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('count', [0, 1, 17, 700])
@pytest.mark.parametrize(
    'options', [{}, dict(offset=1), dict(score_threshold=0.3), dict(max_num=5)]
)
def test_it_is_mmcvs(monkeypatch, kernel, count, options):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    boxes, scores = candidates(count)
    for threshold in (0.3, 0.7):
        want, inds = nms(boxes, scores, threshold, **options)
        got, found = packed_nms(boxes, scores, threshold, **options)
        assert found.equal(inds) and got.equal(want)


def test_parts_that_ask_for_nms_get_it_and_share_nothing_with_the_config():
    cfg = ConfigDict(nms=dict(type='nms', iou_threshold=0.7), nms_pre=10)
    model = nn.Sequential(nn.Identity(), nn.Identity())
    model[0].test_cfg, model[1].test_cfg = cfg, ConfigDict(nms=dict(type='soft_nms'))
    use_packed_nms(model)
    assert model[0].test_cfg.nms.type is packed_nms and model[0].test_cfg.nms_pre == 10
    assert cfg.nms.type == 'nms' and model[1].test_cfg.nms.type == 'soft_nms'
