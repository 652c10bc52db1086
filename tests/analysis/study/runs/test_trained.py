"""Where each run was trained stays known, whoever writes the report later."""

import csv
import json
from dataclasses import replace

import pytest
import torch
from analysis.study.small_comparison import BINARY, PLAN, RUNS, comparison, starts, study

from surge_mmdet.analysis import conditions
from surge_mmdet.analysis.study import Change, claim
from surge_mmdet.analysis.study.runs.trained import environments, note_part, read_parts

HERE = dict(command='python a.py', date='2026-01-02', machine='x', versions={'torch': '2'})
LATER = dict(HERE, date='2026-01-03')
THERE = dict(HERE, machine='y', command='python a.py --processes 2')
ALONE = replace(PLAN, methods={'STE': BINARY}, changes={})


def report(folder) -> str:
    return (folder / 'report.md').read_text().partition('## Environment and commands')[2]


def test_parts_of_a_training_are_told_apart(tmp_path):
    assert read_parts(tmp_path) == []
    note_part(tmp_path, HERE)
    note_part(tmp_path, THERE)
    assert read_parts(tmp_path) == [THERE], 'without a checkpoint it begins anew'
    (tmp_path / 'epoch_1.pth').touch()
    for part in (THERE, HERE, HERE):
        note_part(tmp_path, part)
    assert read_parts(tmp_path) == [THERE, HERE]


def test_what_an_older_release_began_is_not_claimed(tmp_path):
    (tmp_path / 'epoch_1.pth').touch()
    note_part(tmp_path, HERE)
    assert read_parts(tmp_path) == [None, HERE]


def test_runs_are_counted_by_environment():
    found = environments([[HERE], [LATER], [HERE, THERE], [None, THERE], []])
    assert [each['runs'] for each in found] == [3, 2, 2]
    assert [each['machine'] for each in found] == ['x', 'y', 'not recorded']
    assert found[0]['dates'] == ['2026-01-02', '2026-01-03']
    assert found[0]['commands'] == {'python a.py': 3} and 'commands' not in found[2]
    assert found[0]['versions'] == {'torch': '2'}


def test_a_report_written_later_still_tells_who_trained(tmp_path):
    first = replace(study(tmp_path, ALONE), command='python compare.py --first')
    run, lock = first.next_run(['SGD'])
    with lock:
        result = first.train(run, lock, {'OMP_NUM_THREADS': '7'})
    (part,) = result['trained']
    assert part['threads_per_training'] == '7 (OMP_NUM_THREADS)'
    assert part['versions']['surge_mmdet'] and part['date'] and part['machine']
    assert json.loads((tmp_path / run.name / 'result.json').read_text()) == result

    replace(first, command='python compare.py --tables').write_tables()
    trained, written = report(tmp_path).split('Its tables were written by:')
    assert '# 1 run in environment 1\npython compare.py --first' in trained
    assert '| 1 | 1 |' in trained and '7 (OMP_NUM_THREADS)' in trained
    assert '--tables' in written and '--first' not in written
    record = json.loads((tmp_path / 'record.json').read_text())
    assert record['command'] == 'python compare.py --tables'
    assert record['trained'][0]['commands'] == {'python compare.py --first': 1}
    (row,) = csv.DictReader((tmp_path / 'results.csv').open())
    assert row['command'] == 'python compare.py --first' and row['surge_mmdet']


def test_a_run_in_two_environments_counts_in_both_and_the_report_says_so(tmp_path):
    own = study(tmp_path, ALONE)
    folder = tmp_path / own.ready('SGD')[0].name
    folder.mkdir()
    result = dict(AP=0.3, AP50=0.5, skipped=0, diverged=False, trained=[HERE, THERE])
    (folder / 'result.json').write_text(json.dumps(result))
    own.write_tables()
    assert '1 run went on in another environment, and count in each.' in report(tmp_path)
    (row,) = csv.DictReader((tmp_path / 'results.csv').open())
    assert row['machine'] == 'x; y' and row['date'] == '2026-01-02'


def test_a_failed_run_tells_where_it_was_tried(tmp_path):
    broken = tmp_path / 'broken'
    broken.touch()
    own = study(tmp_path / 'out', ALONE, fail=str(broken))
    run, lock = own.next_run(['SGD'])
    with lock:
        result = own.train(run, lock)
    assert 'out of luck' in result['failed'] and result['trained'][0]['machine']
    own.write_tables()
    assert 'Where the runs were trained' not in report(tmp_path / 'out')


def test_the_folder_of_an_older_release_is_used_and_grows(tmp_path):
    """Neither its results nor its plan know of losses and environments."""
    comparison(tmp_path).work()
    for file in tmp_path.glob('*/trained.json'):
        file.unlink()
    for file in tmp_path.glob('*/result.json'):
        old = json.loads(file.read_text())
        del old['trained']
        file.write_text(json.dumps(old))
    claim(study(tmp_path))
    plan = json.loads((tmp_path / 'plan.json').read_text())
    keys = {'config', 'teacher', 'distillation'}
    assert all(set(change) == keys for _, change in plan['methods'].values())

    loss = dict(type='surge_mmdet.InformationBottleneck')
    changes = {**PLAN.changes, 'BiDet': Change(losses=(loss,))}
    grown = replace(PLAN, methods={**PLAN.methods, 'BiDet': BINARY}, changes=changes)
    claim(study(tmp_path, grown))
    comparison(tmp_path, grown).work()
    begun = starts(tmp_path)
    assert len(begun) == RUNS + 4 and all(len(found) == 1 for found in begun.values())
    assert f'| 1 | {RUNS} | not recorded | - |' in report(tmp_path)
    assert '| 2 | 4 | ' in report(tmp_path) and '# 4 runs in environment 2' in report(tmp_path)
    assert json.loads((tmp_path / 'plan.json').read_text())['methods'].items() > (
        plan['methods'].items()
    )


@pytest.mark.parametrize(('code', 'told'), [(0, 'CPU, A GPU'), (1, 'CPU, a GPU that does not')])
def test_a_training_tells_its_gpu(monkeypatch, code, told):
    asked = []

    def run(command, **given):
        asked.append(given['env']['CUDA_VISIBLE_DEVICES'])
        return type('Done', (), dict(returncode=code, stdout='A GPU\n'))

    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setattr(conditions, 'processor', lambda: 'CPU')
    monkeypatch.setattr(conditions, 'own_version', lambda: '1')
    monkeypatch.setattr(conditions.subprocess, 'run', run)
    conditions._gpu.cache_clear()
    for _ in range(2):
        found = conditions.training_conditions('python a.py', {'CUDA_VISIBLE_DEVICES': '5'})
    conditions._gpu.cache_clear()
    assert found['machine'].startswith(told) and asked == ['5']


def test_without_a_gpu_none_is_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 0)
    found = conditions.training_conditions('python a.py')
    assert found['machine'] == conditions.processor() and found['command'] == 'python a.py'
