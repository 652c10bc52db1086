"""What a step tells its losses: boxes in cells, calls of modules, boxes of heads."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import nn

from surge_mmdet.losses import Context, View, dense_head, levels_of
from surge_mmdet.losses.context import watched

sys.path.append(str(Path(__file__).parents[1] / 'models'))
from tiny_twins import NAMES, batch, built, twin  # noqa: E402


def context(size=(64, 96)) -> Context:
    return Context(View([]), None, [], size)


@pytest.mark.parametrize(
    'box, cells',
    [
        ([0, 0, 96, 64], [0, 0, 12, 8]),
        ([8, 16, 16, 24], [1, 2, 2, 3]),
        ([7.9, 16.1, 16.1, 24], [0, 2, 3, 3]),
        ([95.5, 63.5, 96, 64], [11, 7, 12, 8]),
        ([10, 10, 10, 10], [1, 1, 2, 2]),  # without area: one cell
        ([-9, -9, 200, 200], [0, 0, 12, 8]),
    ],
)
def test_cells_are_those_a_box_touches(box, cells):
    like = torch.zeros(1, 1, 8, 12)
    found = context().cells(torch.tensor([box], dtype=torch.float), like)
    assert found.tolist() == [cells]
    x1, y1, x2, y2 = cells
    inside = context().inside(torch.tensor([box], dtype=torch.float), like)[0]
    assert inside.shape == (8, 12)
    assert inside.sum() == (x2 - x1) * (y2 - y1) and inside[y1:y2, x1:x2].all()


@given(st.lists(st.floats(-50, 150), min_size=4, max_size=4), st.integers(1, 9), st.integers(1, 9))
def test_every_box_has_a_cell_on_every_map(values, h, w):
    box = torch.tensor([values])
    x1, y1, x2, y2 = context().cells(box, torch.zeros(h, w))[0].tolist()
    assert 0 <= x1 < x2 <= w and 0 <= y1 < y2 <= h


def test_no_boxes_touch_no_cells():
    like = torch.zeros(1, 1, 8, 12)
    assert context().cells(torch.zeros(0, 4), like).shape == (0, 4)
    assert not context().inside(torch.zeros(0, 4), like).any(0).any()


def test_boxes_and_labels_of_each_image():
    sample = DetDataSample(metainfo=dict(img_shape=(4, 4)))
    sample.gt_instances = InstanceData(bboxes=torch.ones(2, 4), labels=torch.tensor([1, 0]))
    found = Context(View([]), None, [sample], (4, 4))
    assert found.boxes()[0].shape == (2, 4) and found.labels()[0].tolist() == [1, 0]
    assert found.metas[0]['img_shape'] == (4, 4)


def test_calls_are_watched_and_hooks_leave():
    net = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))
    with pytest.raises(RuntimeError, match='stop'):
        with watched(net, ['0', '1.0']) as calls:
            net(torch.tensor([-1.0]))
            net(torch.tensor([2.0]))
            raise RuntimeError('stop')
    assert [call.inputs[0].item() for call in calls['0']] == [-1, 2]
    assert calls['1.0'][0].output.item() == 0
    assert not any(module._forward_hooks for module in net.modules())


@pytest.mark.parametrize('name', NAMES)
def test_maps_are_those_that_the_head_reads(name):
    model = built(twin(name))
    size = 128 if name == 'RetinaNet' else 64
    data = batch(model, size=size)
    maps = model.extract_feat(data['inputs'])
    found = levels_of(model)
    assert [each.shape[1] for each in maps] == [level.channels for level in found]
    if name != 'SSD':  # whose last maps do not follow their strides
        assert [size / each.shape[-1] for each in maps] == [level.stride[0] for level in found]


@pytest.mark.parametrize('name', NAMES)
def test_a_watched_head_is_not_asked_again(name):
    model = built(twin(name))
    data = batch(model)
    first, head = dense_head(model)
    with watched(model, [first]) as calls:
        model.loss(data['inputs'], data['data_samples'])
    view = View((), model, calls)
    before = {key: value.clone() for key, value in head.state_dict().items()}
    found = view.found(
        [sample.metainfo for sample in data['data_samples']],
        score_thr=0.0,
        nms_pre=50,
        nms=dict(type='nms', iou_threshold=0.5),
        min_bbox_size=0,
        max_per_img=20,
    )
    assert len(calls[first]) == 1
    assert all(value.equal(before[key]) for key, value in head.state_dict().items())
    assert len(found) == 2 and all(0 < len(each.scores) <= 20 for each in found)
    assert not found[0].scores.requires_grad
    assert found[0].bboxes.min() >= 0 and found[0].bboxes.max() <= 64


def test_a_head_nobody_watched_is_asked_without_gradient():
    model = built(twin('RetinaNet', 'fp32')).eval()
    view = View(model.extract_feat(batch(model)['inputs']), model)
    assert view.dense_outputs() is view.dense_outputs()
    assert not any(each.requires_grad for each in view.dense_outputs()[0])


def test_detectors_without_such_heads_are_refused():
    with pytest.raises(ValueError, match='neither rpn_head nor bbox_head.*FasterRCNN'):
        dense_head(nn.Linear(1, 1))
    head = nn.Module()
    head.in_channels = 4
    with pytest.raises(ValueError, match='tells neither in_channels nor the strides.*RetinaNet'):
        levels_of(SimpleNamespace(bbox_head=head))
