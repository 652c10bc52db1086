"""Data and teachers are looked at before the first run."""

import ast
import logging
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from analysis.study.small_comparison import PLAN
from conftest import ROOT, tiny_config
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import HOOKS

from surge_mmdet.analysis.study import (
    Change,
    Run,
    build_each,
    require_data,
    require_teachers,
    run_config,
)

COCO = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn_surge_1x_coco.py'


@pytest.mark.parametrize('path', [Path(PLAN.config), COCO], ids=['voc', 'coco'])
def test_data_that_are_there_pass(tmp_path, path):
    require_data(Config.fromfile(tiny_config(path, tmp_path)), str(path))


@pytest.mark.parametrize(
    'path, change, text',
    [
        (PLAN.config, {'val_dataloader.dataset.data_root': '/nowhere/'}, 'val.txt does not exist'),
        (PLAN.config, {'train_dataloader.dataset.data_root': '/nowhere/'}, 'data_root=<folder>'),
        (COCO, {'val_dataloader.dataset.indices': 0}, 'val_dataloader: indices=0 leaves no image'),
        (COCO, {'val_dataloader.dataset.data_prefix.img': 'lost/'}, 'val: there is no .*lost'),
        (COCO, {'val_evaluator.ann_file': '/lost.json'}, 'val_evaluator: /lost.json .*ann_file=F'),
    ],
)
def test_missing_data_are_named(tmp_path, path, change, text):
    cfg = Config.fromfile(tiny_config(Path(path), tmp_path))
    cfg.merge_from_dict(change)
    with pytest.raises(ValueError, match=f'^plan.py: .*{text}'):
        require_data(cfg, 'plan.py')


@contextmanager
def warned():
    """What MMEngine's logger is told meanwhile, from warnings on."""
    logger, lines = MMLogger.get_current_instance(), []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def configs(plan):
    return partial(run_config, plan, options={}, teacher=Path('teacher'))


def changed(**teacher):
    """The plan whose teacher has another config."""
    return replace(PLAN, changes={**PLAN.changes, 'FP32': Change(teacher)})


def test_a_teacher_of_the_same_structure_fits():
    require_teachers(PLAN, configs(PLAN))
    wider = changed(**{'model.backbone.act_cfg.type': 'RPReLU'})
    require_teachers(wider, configs(wider))


@pytest.mark.parametrize(
    'teacher, text',
    [
        ({'model.roi_head.bbox_head.num_classes': 7}, 'it knows 7 classes, the student 3'),
        (
            {'model.neck.out_channels': 32, 'model.rpn_head.in_channels': 32},
            'map 0 has 64 channels of stride 4 in the student and 32 channels of',
        ),
        ({'model.data_preprocessor.bgr_to_rgb': False}, 'its data_preprocessor has '),
        (
            {'model.backbone.strides': (1, 1, 2, 2)},
            r"maps .*\(64, 16, 20\).* the student's .*\(64, 16, 20\)",
        ),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(teacher, text):
    plan = changed(**teacher)
    ours = r'Their overrides differ: the method has config=\{\}, its teacher \{.model'
    with pytest.raises(ValueError, match=f"'student', taught by 'FP32': .*{text}.*{ours}"):
        require_teachers(plan, configs(plan))


def test_levels_that_are_not_there_are_refused_and_the_teacher_is_not_blamed():
    taught = PLAN.changes['student']
    wrong = replace(taught, distillation=({'type': 'surge_mmdet.PKD', 'levels': [0, 1, 9]},))
    plan = replace(PLAN, changes={'student': wrong})
    with pytest.raises(ValueError, match=r'levels=\[0, 1, 9\].*Write levels=\[[0-9, ]+\].$'):
        require_teachers(plan, configs(plan))


def test_parts_that_a_student_inherits_are_looked_for():
    change = replace(PLAN.changes['student'], inherit=('backbone', 'rpn_head'))
    plan = replace(PLAN, changes={'student': change})
    require_teachers(plan, configs(plan))
    plan = replace(PLAN, changes={'student': replace(change, inherit=('bbox_head',))})
    with pytest.raises(ValueError, match="'student', taught by 'FP32': .*Write inherit=.'backb"):
        require_teachers(plan, configs(plan))


def test_losses_of_a_student_are_built_before_the_first_run():
    plan = replace(PLAN, changes={'student': Change(teacher='FP32', distillation=(dict(a=1),))})
    with pytest.raises(ValueError, match="method 'student'"):
        build_each(plan, configs(plan))


def surge_student(config=None, **surge):
    """The plan whose student trains with SURGE."""
    change = replace(PLAN.changes['student'], config=config or {})
    methods = {**PLAN.methods, 'student': dict(layer=dict(surge=dict(dict(eta=0.3), **surge)))}
    return replace(PLAN, methods=methods, changes={'student': change})


def test_a_large_eta_beside_a_teacher_is_refused_before_the_teacher_trains():
    plan = surge_student()
    with pytest.raises(ValueError, match=r'Write surge=dict\(eta=0.1\), or') as error:
        require_teachers(plan, configs(plan))
    told = str(error.value)
    assert told.startswith("method 'student', taught by 'FP32': ")
    line = told.partition('all the same, config=')[2].rstrip('.')
    allowed = surge_student(ast.literal_eval(line))
    for right in (surge_student(eta=0.1), surge_student(branch='tied'), allowed):
        require_teachers(right, configs(right))


def test_that_line_reaches_the_hook_of_the_training():
    """Which would refuse the student at its start."""
    plan = surge_student({'default_hooks.config_check.full_branch_beside_teacher': True})
    cfg = configs(plan)(Run('SGD', 'student', 0.1, 1))
    assert HOOKS.build(cfg.default_hooks.config_check)._full_branch


def test_a_binary_teacher_is_warned_of():
    plan = replace(PLAN, changes={'student': replace(PLAN.changes['student'], teacher='STE')})
    with warned() as lines:
        require_teachers(plan, configs(plan))
    (line,) = lines
    assert "'student', taught by 'STE': 25 of its layers are binary" in line
    assert "in a plan teacher='fp32'" in line
    with warned() as lines:
        require_teachers(PLAN, configs(PLAN))
    assert not lines
