import json
import os
import runpy
import subprocess
import sys

import pytest
import torch
from conftest import ROOT, tiny_config
from models.tiny_detectors import build

from surge_mmdet.analysis.step_contestants import Contestant
from surge_mmdet.analysis.step_trainer import (
    CYCLE,
    Setup,
    StepTrainer,
    serve,
    synthetic_batches,
)

SCRIPT = str(ROOT / 'tools/benchmark/train_step.py')
RCNN = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'
SMALL = f"""
_base_ = '{RCNN}'
model = dict(
    backbone=dict(base_channels=4),
    neck=dict(in_channels=[4, 8, 16, 32], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(bbox_roi_extractor=dict(out_channels=16),
                  bbox_head=dict(in_channels=16, fc_out_channels=16)))
"""


@pytest.fixture(scope='module')
def small(tmp_path_factory) -> str:
    """The Faster R-CNN of BCCD with few channels."""
    path = tmp_path_factory.mktemp('small') / 'small.py'
    path.write_text(SMALL)
    return str(path)


@pytest.fixture
def trainer(small):
    """A trainer of the small detector on 64x64 pixels."""

    def built(contestant: str = 'config', **changes):
        options = dict(batch=2, shape=(64, 64), **changes)
        return StepTrainer(Setup(small, Contestant.parse(contestant), **options))

    return built


def test_whole_run_in_processes_of_their_own(small, tmp_path):
    page, out = tmp_path / 'page.md', tmp_path / 'out.json'
    result = subprocess.run(
        [
            sys.executable,
            SCRIPT,
            small,
            '--contestants',
            'surge:branch=tied',
            'ste',
            '--rounds',
            '2',
            '--warmup',
            '0',
            '--batch',
            '1',
            '--shape',
            '64',
            '96',
            '--threads',
            '1',
            '--markdown',
            page,
            '--out',
            out,
        ],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=300,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )
    assert result.returncode == 0, result.stderr
    assert page.read_text().strip() in result.stdout
    rows = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in page.read_text().splitlines()
        if line[:1] == '|'
    ]
    assert [row[0] for row in rows[2:]] == ['SURGE, branch=tied', 'STE']
    assert rows[3][2] == '1.00 (1.00-1.00)' and len(set(map(len, rows))) == 1
    assert 'batch 1, threads 1, input 64x96' in page.read_text()
    (race,) = json.loads(out.read_text())['races']
    assert race['base'] == 'STE' and race['config'] == small
    for found in race['contestants'].values():
        assert len(found['seconds']) == 2 and min(found['seconds']) > 0
        assert found['allocator'] > found['state'] > 0
        assert found['saved'] > 0


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


def test_all_contestants_see_the_same(trainer):
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
    setup = Setup(path, Contestant('ste'), data='config', batch=2)
    measured = StepTrainer(setup)
    assert measured.step() > 0 and 'input' not in measured.details()
    names = [
        [sample.img_path for sample in trained._next()['data_samples']]
        for trained in (StepTrainer(setup), StepTrainer(setup))
    ]
    assert names[0] == names[1] and len(names[0]) == 2


def test_shape_is_that_of_the_config(small):
    setup = Setup(small, batch=1)
    assert StepTrainer(setup).details()['input'].startswith('240x320')
    without = dict(test_dataloader=dict(_delete_=True))
    with pytest.raises(ValueError, match='--shape 240 320'):
        StepTrainer(Setup(small, options=without))


def test_contestant_that_cannot_be_built_says_why(small):
    plain = {f'model.{part}.policy.layer.surge': None for part in ('backbone', 'neck', 'rpn_head')}
    setup = Setup(small, Contestant('surge'), plain, shape=(64, 64))
    with pytest.raises(SystemExit, match='Name its surge config'):
        serve(setup, None)


def run(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, 'argv', [SCRIPT, *map(str, arguments)])
    runpy.run_path(SCRIPT, run_name='__main__')


@pytest.mark.parametrize(
    'arguments, text',
    [
        (['a.py', '--rounds', '0'], '--rounds 10'),
        (['a.py', '--batch', '0'], '--batch 4'),
        (['a.py', '--shape', '0', '4'], '--shape 240 320'),
        (['a.py', 'b/a.py'], 'a config takes part twice'),
        (['a.py', '--contestants', 'ste', 'ste'], 'takes part twice: STE, STE'),
        (['a.py', '--contestants', 'ste', 'lateral'], 'Write --contestants lit'),
        (['a.py', '--contestants', 'fp32', '--base', 'STE'], "Write --base 'FP32'"),
        (['a.py', '--device', 'gpu'], 'Write --device cpu, or'),
    ],
)
def test_bad_arguments_end_with_the_corrected_line(monkeypatch, capsys, arguments, text):
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments)
    assert text in capsys.readouterr().err


def test_configs_run_against_each_other_as_they_are(monkeypatch):
    tool = runpy.run_path(SCRIPT)
    monkeypatch.setattr(sys, 'argv', [SCRIPT, 'x/a.py', 'b.py'])
    _, races, bases = tool['parse_arguments']()
    assert {title: list(setups) for title, setups in races.items()} == {'': ['a', 'b']}
    assert bases == {'': 'a'}
    assert races['']['a'] == Setup('x/a.py')


def test_each_config_has_a_table_of_its_own(monkeypatch):
    tool = runpy.run_path(SCRIPT)
    monkeypatch.setattr(
        sys,
        'argv',
        [SCRIPT, 'a.py', 'b.py', '--contestants', 'fp32', 'ste', '--batch', '4', '--threads', '1'],
    )
    _, races, bases = tool['parse_arguments']()
    assert list(races) == ['a.py', 'b.py'] and set(bases.values()) == {'STE'}
    assert races['b.py']['FP32'] == Setup('b.py', Contestant('fp32'), batch=4, threads=1)
