"""A comparison goes on from what another folder's results.json tells."""

import json
import shutil
from dataclasses import replace

import pytest
from analysis.study.small_comparison import PLAN, RUNS, comparison, starts, study
from conftest import ROOT

from surge_mmdet.analysis.study import (
    Study,
    claim,
    continue_from,
    load_plans,
    require_continuable,
    runner,
)
from surge_mmdet.analysis.study.continued import continuable

# Folder of the results to the plan's file, and what it calls the data.
PUBLISHED = {
    'field': ('field_bccd', ''),
    'recipe_bccd': ('recipe_bccd', ''),
    'other_data/digits': ('field_other_data', 'digits'),
    'other_data/coco20': ('field_other_data', 'coco20'),
}


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A comparison whose student has one seed only, and its whole report."""
    folder = tmp_path_factory.mktemp('before')
    smaller = replace(PLAN, seeds=(1,))
    claim(study(folder, smaller))
    comparison(folder, smaller).work()
    return folder


@pytest.fixture
def source(finished, tmp_path):
    """What one keeps of it."""
    kept = tmp_path / 'kept'
    kept.mkdir()
    for name in ('results.json', 'plan.json'):
        shutil.copy(finished / name, kept)
    return kept


def test_what_is_finished_is_not_trained_again(source, finished, tmp_path):
    folder = tmp_path / 'new'
    new = study(folder)
    require_continuable(new, source)
    claim(new)
    taken = continue_from(new, source)
    assert len(taken) == 3 * (2 + 1)
    for run in taken:
        before, now = (json.loads((d / run.name / 'result.json').read_text())
                       for d in (finished, folder))  # fmt: skip
        assert now == before and now['trained']
    going = comparison(folder)
    assert going.done == len(taken)
    going.work()
    assert going.done == going.total == RUNS
    trained = {name for name, parts in starts(folder).items() if parts}
    assert len(trained) == RUNS - len(taken)
    assert all(name.endswith('seed2') for name in trained)


def without_a_student(source):
    """Leave out its run on seed 1: its teacher, which has no checkpoint here, is needed again."""
    rows = json.loads((source / 'results.json').read_text())
    left = [row for row in rows if (row['method'], row['seed']) != ('student', 1)]
    (source / 'results.json').write_text(json.dumps(left))
    return replace(PLAN, seeds=(1,))


def test_a_teacher_without_its_checkpoint_is_trained_again(source, tmp_path):
    """And what it had reached stays, whatever it reaches now."""
    folder, plan = tmp_path / 'new', without_a_student(source)
    continue_from(study(folder, plan), source)
    going = comparison(folder, plan, ap=0.1)
    going.work()
    trained = sorted(name for name, parts in starts(folder).items() if parts)
    assert [name.split('_')[1] for name in trained] == ['FP32', 'student']
    assert all(name.endswith('seed1') for name in trained)
    teacher = result(folder / trained[0])
    assert teacher['AP'] == pytest.approx(0.21) and teacher['again']['AP'] == pytest.approx(0.01)
    assert teacher['again']['trained'] and result(folder / trained[1])['AP'] < 0.1
    assert going.done == going.total and not going.failed
    kept = {row['method']: row for row in json.loads((folder / 'results.json').read_text())
            if row['seed'] == 1}  # fmt: skip
    assert kept['FP32'] == {**kept['FP32'], **teacher}


def test_one_that_fails_then_keeps_what_it_had(source, tmp_path):
    folder, plan = tmp_path / 'new', without_a_student(source)
    flag = tmp_path / 'flag'
    flag.touch()
    continue_from(study(folder, plan), source)
    going = comparison(folder, plan, fail=str(flag))
    before = study(folder, plan).best('SGD')
    going.work()
    assert [run.method for _, run, _ in going.failed] == ['FP32']
    assert study(folder, plan).best('SGD') == before
    rows = json.loads((folder / 'results.json').read_text())
    assert len(rows) == 8 and not [row for row in rows if 'failed' in row]
    flag.unlink()
    comparison(folder, plan, fail=str(flag)).work()
    assert comparison(folder, plan).done == 9


@pytest.mark.parametrize('again', [{}, {'failed': 'no memory'}])
def test_one_that_is_cut_off_teaches_nobody(source, tmp_path, again):
    """It leaves a checkpoint in the middle, from which it goes on."""
    folder, plan = tmp_path / 'new', without_a_student(source)
    new = study(folder, plan)
    continue_from(new, source)
    (teacher,) = [r for r in new.pending('SGD') if r.method == 'FP32']
    file = folder / teacher.name / 'result.json'
    file.write_text(json.dumps(dict(json.loads(file.read_text()), again=again)))
    (folder / teacher.name / 'epoch_1.pth').touch()
    going = study(folder, plan)
    assert teacher in going.pending('SGD')
    assert [run.method for run in going.ready('SGD')] == ['FP32']  # the next start tries again
    comparison(folder, plan).work()
    assert comparison(folder, plan).done == 9
    assert result(folder / teacher.name)['again']['AP'] > 0


def test_a_teacher_that_is_trained_again_is_unfinished_meanwhile(source, tmp_path, monkeypatch):
    folder, plan = tmp_path / 'new', without_a_student(source)
    continue_from(study(folder, plan), source)
    new = study(folder, plan)

    def cut_off(run_folder, *_):
        (run_folder / 'epoch_1.pth').touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, 'train_config', cut_off)
    run, lock = new.next_run(['SGD'])
    with lock, pytest.raises(KeyboardInterrupt):
        new.train(run, lock)
    assert run.method == 'FP32' and run in new.pending('SGD')
    assert result(folder / run.name)['AP'] > 0


def result(folder):
    return json.loads((folder / 'result.json').read_text())


def test_what_is_here_stays_and_what_no_plan_asks_for_is_left(source, tmp_path):
    rows = json.loads((source / 'results.json').read_text())
    rows = [row for row in rows if row['seed'] == 0]
    assert len(rows) == 6
    failed, *others = rows
    rows[0] = {key: failed[key] for key in ('optimizer', 'method', 'lr', 'seed')}
    rows[0]['failed'] = 'no memory'
    (source / 'results.json').write_text(json.dumps(rows))
    own = {'STE': (0.2,)}  # a single rate: not tuned
    plan = replace(PLAN, optimizers={'SGD': dict(PLAN.optimizers['SGD'], own=own)})
    new = study(tmp_path / 'new', plan)
    names = {run.name for run in continuable(new, source)}
    assert len(names) == 3 and not any('STE' in name for name in names)
    # One that goes on from a checkpoint, one that is finished, one that failed here.
    begun, finished, lost = sorted(names)
    for name in names:
        (new.folder / name).mkdir(parents=True)
    (new.folder / begun / 'epoch_1.pth').touch()
    own = dict(AP=0.5, AP50=0.8, diverged=False)
    (new.folder / finished / 'result.json').write_text(json.dumps(own))
    (new.folder / lost / 'result.json').write_text('{"failed": "no memory"}')
    assert [run.name for run in continue_from(new, source)] == [lost]
    assert result(new.folder / finished) == own
    assert result(new.folder / lost)['AP'] > 0


def test_results_of_another_plan_are_refused(source, tmp_path):
    other = study(tmp_path / 'new', replace(PLAN, tune_seed=9))
    with pytest.raises(
        ValueError, match='another plan: tune_seed was 0 and is 9. Write it as it was'
    ):
        require_continuable(other, source)
    other = study(tmp_path / 'new')
    other.options['train_cfg.max_epochs'] = 3
    line = 'Write --cfg-options train_cfg.max_epochs=2 train_cfg.val_interval=1, or leave'
    with pytest.raises(ValueError, match=line):
        require_continuable(other, source)


@pytest.mark.parametrize(
    'name, text',
    [
        ('results.json', '[{"method": "STE"'),  # cut off
        ('results.json', '{}'),
        ('results.json', '[[]]'),
        ('results.json', '[{"method": "STE", "AP": 0.5}]'),
        ('results.json', '[{"optimizer": "SGD", "method": "STE", "lr": 0.1, "seed": 1}]'),
        ('plan.json', '[]'),
        ('plan.json', '{}'),
        ('plan.json', ''),
    ],
)
def test_a_broken_file_is_refused(source, tmp_path, name, text):
    (source / name).write_text(text)
    with pytest.raises(ValueError, match=f'kept/{name} is not what this package writes: .*again'):
        require_continuable(study(tmp_path / 'new'), source)


@pytest.mark.parametrize(
    'key, value',
    [
        ('method', 'unknown'),  # of an older plan.json
        ('method', None),
        ('lr', '0.1'),
        ('seed', [1]),
        ('AP', float('nan')),
        ('AP50', None),
        ('diverged', None),
        ('curve', 3),
        ('wall_seconds', 'long'),
    ],
)
def test_a_row_that_is_no_run_is_refused(source, tmp_path, key, value):
    rows = json.loads((source / 'results.json').read_text())
    rows[3][key] = value
    (source / 'results.json').write_text(json.dumps(rows))
    with pytest.raises(ValueError, match='results.json is not what this package writes: .*again'):
        require_continuable(study(tmp_path / 'new'), source)


@pytest.mark.parametrize('name', PUBLISHED)
def test_a_published_study_can_go_on(name, tmp_path):
    """Its plan may have grown since, and no published run is lost to it."""
    source = ROOT / 'docs/results' / name
    options = json.loads((source / 'plan.json').read_text())['options']
    file, dataset = PUBLISHED[name]
    plans = load_plans(f'tools/benchmark/plans/{file}.py', ROOT)
    (plan,) = [each for each in plans if each.dataset == dataset]
    new = Study(plan, tmp_path, ROOT / 'tools/train.py', options)
    require_continuable(new, source)
    assert len(continuable(new, source)) == len(json.loads((source / 'results.json').read_text()))
