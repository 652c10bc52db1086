"""Students that start from their teacher's weights."""

from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from mmengine.config import Config
from test_distilled_detector import distilled, distilled_config, teacher_of

from surge_mmdet.engine import ConfigCheckHook

PARTS = ['backbone', 'neck']


def inheriting(folder, parts, **changes):
    return distilled('RetinaNet', teacher_of('RetinaNet', folder, **changes) | dict(inherit=parts))


def equal(student, teacher, part) -> bool:
    theirs = teacher.get_submodule(part).state_dict()
    own = student.get_submodule(part).state_dict()
    return all(own[name].equal(value) for name, value in theirs.items())


def test_its_parts_start_from_the_teacher_and_the_others_do_not(tmp_path):
    student = inheriting(tmp_path, PARTS)
    student.init_weights()
    teacher = student.teacher.load(student)
    assert equal(student, teacher, 'backbone') and equal(student, teacher, 'neck')
    assert not equal(student, teacher, 'bbox_head')
    assert all(parameter.requires_grad for parameter in student.neck.parameters())


def test_auxiliary_weights_start_from_what_was_inherited(tmp_path):
    student = inheriting(tmp_path, PARTS)
    student.init_weights()
    layer = student.backbone.layer1[0].conv1
    assert layer.surge.init == 'copy'
    layer(torch.zeros(1, layer.in_channels, 8, 8))
    assert layer.aux_weight.equal(layer.weight)


@pytest.mark.parametrize('parts, told', [(PARTS, 1), ([], 0)])
def test_a_resume_says_that_the_start_is_replaced(tmp_path, monkeypatch, parts, told):
    log = []
    runner = SimpleNamespace(
        model=inheriting(tmp_path, parts), logger=SimpleNamespace(info=log.append)
    )
    runner.resume = True
    monkeypatch.setattr(
        'surge_mmdet.engine.hooks.config_check_hook.is_resuming', lambda run: run.resume
    )
    hook = ConfigCheckHook()
    hook.after_load_checkpoint(runner, dict(meta={}, state_dict={}))
    runner.resume = False
    hook.after_load_checkpoint(runner, dict(meta={}, state_dict={}))
    assert [('takes the place of what was inherited' in text) for text in log] == [True] * told


def test_nothing_is_inherited_unasked(tmp_path):
    student = distilled('RetinaNet', dict(config='gone.py'))
    student.init_weights()  # asks for no teacher


@pytest.mark.parametrize(
    'parts, line',
    [
        (['backbone', 'nek'], r"'nek' is not in both detectors. Write inherit=\['backbone', 'neck"),
        (['rpn_head'], "'rpn_head' is not in both detectors"),
    ],
)
def test_a_part_that_is_not_there_is_refused(tmp_path, parts, line):
    student = inheriting(tmp_path, parts)
    with pytest.raises(ValueError, match=line):
        student.init_weights()


def test_a_part_of_another_shape_is_refused_before_anything_is_copied(tmp_path):
    student = inheriting(tmp_path, ['bbox_head', 'backbone'])
    before = student.bbox_head.retina_cls.weight.clone()
    student.teacher.load(student).backbone.conv1 = torch.nn.Conv2d(3, 5, 7)
    wrong = "'backbone' has other weights: .*conv1.weight.*Write inherit=.'neck', 'bbox_head'.]"
    with pytest.raises(ValueError, match=wrong.replace('.]', '].')):
        student.teacher.pass_on(student)
    assert student.bbox_head.retina_cls.weight.equal(before)


@pytest.mark.parametrize('parts, line', [('neck', "inherit=.'neck'."), ([1], 'no list of parts')])
def test_what_is_no_list_of_names_is_refused(tmp_path, parts, line):
    with pytest.raises(TypeError, match=line):
        inheriting(tmp_path, parts)


def test_a_training_starts_from_it(tmp_path, monkeypatch):
    file = tiny_config(ROOT / 'configs/binarized/retinanet_r18_fpn_surge_1x_coco.py', tmp_path)
    cfg = Config.fromfile(file)
    teacher = teacher_of('RetinaNet', tmp_path)
    cfg.model = distilled_config('RetinaNet', teacher | dict(inherit=['neck']))
    cfg.model.policy = dict(layer=dict(surge=None))
    cfg.default_hooks.ags = dict(type='surge_mmdet.NonFiniteStepHook')
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.0)
    cfg.dump(file)
    work = tmp_path / 'work'
    run_mmdet_tool(monkeypatch, 'train.py', file, '--work-dir', work)
    found = torch.load(next(work.glob('*.pth')), weights_only=False)['state_dict']
    theirs = torch.load(teacher['checkpoint'])['state_dict']
    names = [name for name in theirs if name.startswith('neck.')]
    assert names and all(found[name].equal(theirs[name]) for name in names)
    assert 'the student inherits its neck: ' in next(work.glob('*/*.log')).read_text()
