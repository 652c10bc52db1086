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
    continuable,
    continue_from,
    load_plans,
    require_continuable,
)

PUBLISHED = {'field': 'field_bccd'}  # folder of the results to the plan's file


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


def test_a_teacher_without_its_checkpoint_is_trained_again(source, tmp_path):
    """Its student on the same seed is left, and needs it."""
    rows = json.loads((source / 'results.json').read_text())
    left = [row for row in rows if (row['method'], row['seed']) != ('student', 1)]
    (source / 'results.json').write_text(json.dumps(left))
    folder = tmp_path / 'new'
    continue_from(study(folder, replace(PLAN, seeds=(1,))), source)
    comparison(folder, replace(PLAN, seeds=(1,))).work()
    trained = sorted(name for name, parts in starts(folder).items() if parts)
    assert [name.split('_')[1] for name in trained] == ['FP32', 'student']
    assert all(name.endswith('seed1') for name in trained)


def test_own_runs_failed_ones_and_those_of_no_plan_are_left(source, tmp_path):
    rows = json.loads((source / 'results.json').read_text())
    kept = {key: rows[0][key] for key in ('optimizer', 'method', 'lr', 'seed')}
    rows[0] = dict(kept, failed='no memory')
    rows[1]['method'] = 'unknown'
    rows[2]['AP'] = 9.0
    (source / 'results.json').write_text(json.dumps(rows))
    new = study(tmp_path / 'new')
    own = continue_from(new, source)
    assert len(own) == len(rows) - 2
    file = new.folder / next(run for run in own if new_ap(new, run) == 9.0).name / 'result.json'
    file.write_text('{"AP": 0.5}')
    assert continue_from(new, source) == [] and file.read_text() == '{"AP": 0.5}'


def new_ap(new, run):
    return json.loads((new.folder / run.name / 'result.json').read_text())['AP']


@pytest.mark.parametrize('name', ['results.json', 'plan.json'])
def test_a_folder_without_results_is_refused(source, tmp_path, name):
    (source / name).unlink()
    with pytest.raises(ValueError, match=f'kept has no {name}. Write the work directory'):
        require_continuable(study(tmp_path / 'new'), source)


def test_results_of_another_plan_are_refused(source, tmp_path):
    other = study(tmp_path / 'new', replace(PLAN, tune_seed=9))
    with pytest.raises(ValueError, match='another plan: tune_seed was 0 and is 9. Leave --conti'):
        require_continuable(other, source)
    with pytest.raises(ValueError, match='epochs.* was 2 and is 3'):
        other = study(tmp_path / 'new')
        other.options['train_cfg.max_epochs'] = 3
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
        ('plan.json', ''),
    ],
)
def test_a_broken_file_is_refused(source, tmp_path, name, text):
    (source / name).write_text(text)
    with pytest.raises(ValueError, match=f'kept/{name} is not what a comparison writes: .*again'):
        require_continuable(study(tmp_path / 'new'), source)
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize('name', PUBLISHED)
def test_a_published_study_can_go_on(name, tmp_path):
    """Its plan may have grown since, and no published run is lost to it."""
    source = ROOT / 'docs/results' / name
    options = json.loads((source / 'plan.json').read_text())['options']
    plan = load_plans(f'tools/benchmark/plans/{PUBLISHED[name]}.py', ROOT)[0]
    new = Study(plan, tmp_path, ROOT / 'tools/train.py', options)
    require_continuable(new, source)
    assert len(continuable(new, source)) == len(json.loads((source / 'results.json').read_text()))
