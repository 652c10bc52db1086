"""One process of the step benchmark: what it trains, on what, and what it tells."""

import random

import numpy as np
import pytest
import torch
from analysis.step_cost.small_detector import RCNN, small_config
from conftest import tiny_config
from models.tiny_detectors import build

from surge_mmdet.analysis.step_cost import Setup, StepTrainer, parse_method
from surge_mmdet.analysis.step_cost.race import serve
from surge_mmdet.analysis.step_cost.synthetic import CYCLE, synthetic_batches


@pytest.fixture(scope='module')
def small(tmp_path_factory) -> str:
    return small_config(tmp_path_factory.mktemp('small'))


@pytest.fixture
def trainer(small):
    """A trainer of the small detector on 64x64 pixels."""

    def built(method: str = 'config', **changes):
        options = dict(batch=2, shape=(64, 64), **changes)
        return StepTrainer(Setup(small, parse_method(method), **options))

    return built


def test_autograd_keeps_more_of_a_whole_detector(trainer):
    found = {}
    for name in ('ste', 'ste-autograd', 'literal', 'surge'):
        measured = trainer(name)
        assert measured.step() > 0
        found[name] = measured.memory()
    saved = {name: row['saved'] for name, row in found.items()}
    assert saved['literal'] >= saved['ste-autograd'] > saved['ste']
    assert saved['surge'] == pytest.approx(saved['ste'], rel=0.02)
    assert found['surge']['state'] > found['ste']['state']  # W_a


def test_steps_train_every_binary_layer(trainer):
    measured = trainer('surge:mode=running')
    before = [layer.weight.clone() for layer in binary(measured)]
    measured.step()
    for layer, weight in zip(binary(measured), before, strict=True):
        assert not torch.equal(layer.weight, weight)
        assert layer.ags.running[2] == 1  # its step was closed


def binary(measured) -> list:
    return [m for m in measured.model.modules() if hasattr(m, 'aux_weight')]


def test_all_methods_see_the_same(trainer):
    first, second = trainer('ste'), trainer('surge')
    for _ in range(CYCLE + 1):
        one, other = first._next(), second._next()
        draw = torch.rand(3)
        torch.manual_seed(first.steps - 1)
        torch.testing.assert_close(draw, torch.rand(3))
        for a, b in zip(one['inputs'], other['inputs'], strict=True):
            assert torch.equal(a, b)


def test_synthetic_batches_are_kept_from_changes(trainer):
    measured = trainer()
    first = measured._next()['data_samples'][0].gt_instances.bboxes
    want = first.clone()
    first.zero_()
    for _ in range(CYCLE - 1):
        other = measured._next()['data_samples'][0].gt_instances.bboxes
        assert not torch.equal(other, want)
    again = measured._next()['data_samples'][0].gt_instances.bboxes
    assert torch.equal(again, want)


def test_synthetic_boxes_lie_in_the_image(small):
    model = StepTrainer(Setup(small, shape=(64, 64))).model
    batch = next(synthetic_batches(model, 3, 40, 80))
    assert [tuple(image.shape) for image in batch['inputs']] == 3 * [(3, 40, 80)]
    for sample in batch['data_samples']:
        boxes, labels = (sample.gt_instances[key] for key in ('bboxes', 'labels'))
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= torch.tensor([80, 40])).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= 4).all()
        assert 0 <= labels.min() and labels.max() < 3


def test_masks_come_with_detectors_that_need_them():
    model = build('MaskRCNN').train()
    data = model.data_preprocessor(next(synthetic_batches(model, 2, 64, 64)), True)
    losses = model(**data, mode='loss')
    assert torch.isfinite(losses['loss_mask'])


def test_config_trains_on_its_own_data(tmp_path):
    path = str(tiny_config(RCNN, tmp_path))
    setup = Setup(path, parse_method('ste'), data='config', batch=2)
    measured = StepTrainer(setup)
    assert measured.step() > 0 and 'input' not in measured.details()
    random.seed(1), np.random.seed(1)  # another process would start elsewhere
    first, second = (StepTrainer(setup) for _ in range(2))
    for _ in range(4):  # flips are drawn too
        one, other = first._next(), second._next()
        for a, b in zip(one['inputs'], other['inputs'], strict=True):
            assert a.equal(b)
    assert len(one['inputs']) == 2


def test_shape_is_that_of_the_config(small):
    setup = Setup(small, batch=1)
    assert StepTrainer(setup).details()['input'].startswith('240x320')
    without = dict(test_dataloader=dict(_delete_=True))
    with pytest.raises(ValueError, match='--shape 240 320'):
        StepTrainer(Setup(small, options=without))


def test_a_method_that_cannot_be_built_says_why(small):
    plain = {f'model.{part}.policy.layer.surge': None for part in ('backbone', 'neck', 'rpn_head')}
    setup = Setup(small, parse_method('surge'), plain, shape=(64, 64))
    with pytest.raises(SystemExit, match='Name its surge config'):
        serve(setup, None)
