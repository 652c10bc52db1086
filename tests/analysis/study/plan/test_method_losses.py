"""Losses beside the detector's own as a key of a method: read, refused, in the config of a run."""

import ast
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from analysis.study.small_comparison import PLAN, study
from conftest import ROOT
from mmengine.config import Config

from surge_mmdet.analysis.study import Change, Run, build_each, claim, run_config
from surge_mmdet.analysis.study.plan.changes import read_entry
from surge_mmdet.analysis.study.report.costs import method_config
from surge_mmdet.analysis.study.report.write import write_report

IB = dict(type='surge_mmdet.InformationBottleneck', weight=0.5)
PRIOR = dict(type='surge_mmdet.SparseObjectPrior', weight=0.01)
PKD = dict(type='surge_mmdet.PKD', weight=6.0)
WITH = 'surge_mmdet.DetectorWithLosses'
RUN = Run('SGD', 'STE', 0.1, 1)


def changed(**change):
    """The small plan whose STE has these losses."""
    changes = {**PLAN.changes, 'STE': Change(**change)}
    return replace(PLAN, changes=changes)


def test_a_method_takes_losses_beside_a_policy_of_the_list():
    policy, change = read_entry('BiDet', dict(method='polynomial', losses=[IB, PRIOR]))
    assert policy['layer']['activation'] == dict(type='SignPolynomial')
    assert change == Change(losses=(IB, PRIOR))
    student = dict(method='ste', teacher='fp32', distillation=[PKD], losses=[IB])
    assert read_entry('both', student)[1] == Change({}, 'fp32', (PKD,), (), (IB,))


@pytest.mark.parametrize(
    ('given', 'told', 'right'),
    [
        (
            dict(losses=[IB, PKD]),
            'PKD in losses learns from a teacher',
            dict(teacher='fp32', distillation=[PKD], losses=[IB]),
        ),
        (
            dict(losses=[PKD]),
            'PKD in losses learns from a teacher',
            dict(teacher='fp32', distillation=[PKD]),
        ),
        (
            dict(distillation=[IB, PRIOR]),
            r'nothing in distillation learns from a teacher \(InformationBottleneck, Sparse',
            dict(losses=[IB, PRIOR]),
        ),
        (
            dict(teacher='surge', distillation=[IB], losses=[PRIOR]),
            'nothing in distillation learns from a teacher',
            dict(teacher='surge', distillation=[PKD], losses=[PRIOR, IB]),
        ),
        (
            dict(distillation=[IB], inherit=['neck']),
            'nothing in distillation learns from a teacher',
            dict(teacher='fp32', distillation=[PKD], losses=[IB], inherit=['neck']),
        ),
        (
            dict(teacher='fp32', losses=[IB]),
            'teacher and distillation belong together',
            dict(teacher='fp32', distillation=[PKD], losses=[IB]),
        ),
        (
            dict(inherit=['neck'], losses=[IB]),
            'inherit names parts',
            dict(teacher='fp32', distillation=[PKD], losses=[IB], inherit=['neck']),
        ),
        (dict(loss=[IB]), "unknown 'loss'", dict(losses=[IB])),
    ],
)
def test_the_line_that_a_mistake_is_answered_with_is_right(given, told, right):
    with pytest.raises(ValueError, match=f"^method 'mine': {told}.*Write {{'mine'") as error:
        read_entry('mine', dict(method='ste', **given))
    line = str(error.value).partition("Write {'mine': dict(")[2].removesuffix(')}.')
    call = ast.parse(f'dict({line})', mode='eval').body
    found = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert found == dict(method='ste', **right)
    assert read_entry('mine', found)[1].losses == tuple(right.get('losses', ()))


def test_losses_are_a_list():
    with pytest.raises(ValueError, match=r"method 'mine': .*Write losses=\[{'type': .*}\]\."):
        read_entry('mine', dict(method='ste', losses=IB))


@pytest.mark.parametrize(
    'name', ['ssd/ssd300_vgg16_ste{}_24x10e', 'faster_rcnn/faster-rcnn_r18_c4_ste{}_4x3e']
)
def test_the_model_is_that_of_the_ready_config(name):
    plain, ready = (ROOT / f'configs/{name.format(word)}_voc0712.py' for word in ('', '-bidet'))
    ready = Config.fromfile(ready).model
    plan = changed(losses=tuple(ready.losses))
    plan = replace(plan, config=str(plain), modules=())  # with the policies of its config
    assert run_config(plan, RUN, {}).model == ready


def test_beside_a_teacher_all_losses_are_in_one_list():
    plan = changed(teacher='FP32', distillation=(PKD,), losses=(IB,))
    model = run_config(plan, RUN, {}, Path('folder')).model
    assert model.type == 'surge_mmdet.DistilledDetector' and model.student == 'FasterRCNN'
    assert model.distillation == [PKD, IB] and 'losses' not in model
    build_each(plan, partial(run_config, plan, options={}, teacher=Path('folder')))


@pytest.mark.parametrize('teacher', [None, 'FP32'])
def test_losses_of_the_config_stay(tmp_path, teacher):
    file = tmp_path / 'own.py'
    model = f"model = dict(type='{WITH}', plain='FasterRCNN', losses=[{PRIOR}])"
    file.write_text(f'_base_ = {PLAN.config!r}\n{model}\n')
    change = dict(teacher=teacher, distillation=(PKD,)) if teacher else {}
    plan = replace(changed(losses=(IB,), **change), config=str(file))
    model = run_config(plan, RUN, {}, Path('folder')).model
    if teacher:
        assert model.student == 'FasterRCNN' and model.distillation == [PKD, PRIOR, IB]
    else:
        assert model.plain == 'FasterRCNN' and model.losses == [PRIOR, IB]


@pytest.mark.parametrize('teacher', [None, 'FP32'])
@pytest.mark.parametrize(
    ('loss', 'text'),
    [
        ('InformationBottleneck', r"no loss. Write losses=\[dict\(type='surge_mmdet.InformationB"),
        (dict(type='surge_mmdet.SparsePrior'), r'losses: type: unknown .*losses=\[.*Sparse'),
        (dict(IB, wieght=1.0), "losses: InformationBottleneck: unknown 'wieght'.*weight=1.0"),
        (dict(IB, weight=-1.0), 'weight must be a number and not negative, got -1.0. Write dict'),
        (dict(IB, start=7), 'start must be a share of the training'),
    ],
)
def test_a_wrong_loss_is_known_before_the_first_training(loss, text, teacher):
    change = dict(teacher=teacher, distillation=(PKD,)) if teacher else {}
    plan = changed(losses=(loss,), **change)
    with pytest.raises(ValueError, match=f"^method 'STE': .*{text}"):
        build_each(plan, partial(run_config, plan, options={}, teacher=Path('folder')))


def test_a_loss_that_no_hook_tells_the_time_is_refused():
    plan = changed(losses=(IB,), config={'default_hooks.progress': None})
    with pytest.raises(ValueError, match=r"method 'STE': 1 modules change .*surge_mmdet.ProgressH"):
        build_each(plan, partial(run_config, plan, options={}))
    bare = changed(config={'default_hooks.progress': None})
    build_each(bare, partial(run_config, bare, options={}))  # nothing changes over the training


def test_what_is_deployed_has_no_further_losses():
    model = method_config(changed(losses=(IB,)), 'STE', {}).model
    assert model['type'] == 'FasterRCNN' and 'losses' not in model and 'plain' not in model


def test_a_folder_tells_losses_apart(tmp_path):
    claim(study(tmp_path))
    assert 'losses' not in (tmp_path / 'plan.json').read_text()
    with pytest.raises(ValueError, match=r"methods\['STE'\]\['losses'\] was not there and is "):
        claim(study(tmp_path, changed(losses=(IB,))))


def test_the_report_names_the_losses_of_each_method(tmp_path):
    write_report(changed(losses=(IB, PRIOR)), tmp_path)
    report = (tmp_path / 'report.md').read_text()
    assert '| teacher | further losses |' in report
    (row,) = [line for line in report.splitlines() if line.startswith('| STE | `dict(')]
    assert "InformationBottleneck', weight=0.5), dict(type='surge_mmdet.SparseObj" in row
    write_report(PLAN, tmp_path)
    assert 'further losses' not in (tmp_path / 'report.md').read_text()
