"""Workers: what they train, in which order, and what they do about what fails."""

import json
import os
import signal
import threading
import time
from dataclasses import replace

import pytest
from analysis.study.small_comparison import PLAN, RUNS, comparison, starts, study

from surge_mmdet.analysis.study import Change, Comparison, Run, side_by_side
from surge_mmdet.analysis.study.runner import locked
from surge_mmdet.analysis.study.runs import read_results

ALONE = replace(PLAN, methods={'STE': PLAN.methods['STE']}, changes={})
TEACHER = 'SGD_FP32_lr0.1_seed1'


def test_everything_is_trained_once_and_teachers_come_first(tmp_path, capsys):
    whole = comparison(tmp_path)
    assert (whole.total, whole.done, whole.left) == (RUNS, 0, RUNS)
    whole.work()
    assert (whole.done, whole.left, whole.failed) == (RUNS, 0, [])
    assert len(starts(tmp_path)) == RUNS
    assert all(len(found) == 1 for found in starts(tmp_path).values())
    said = [line for line in capsys.readouterr().out.splitlines() if ' done] ' in line]
    assert len(said) == 2 * RUNS
    trained = [line.split()[5] for line in said if 'is trained' in line]
    assert trained.index(TEACHER) < trained.index('SGD_student_lr0.1_seed1')
    assert trained.index('SGD_FP32_lr0.2_seed0') < trained.index('SGD_student_lr0.1_seed0')
    assert said[-1].startswith(f'{said[-1][:5]} [{RUNS} of {RUNS} done] SGD_student')
    assert 'AP 0.220, AP50 0.440 after' in said[-1]
    assert not list(tmp_path.rglob('*.pth'))


def test_a_result_has_curve_time_and_memory(tmp_path):
    comparison(tmp_path, ALONE).work()
    result = json.loads((tmp_path / 'SGD_STE_lr0.1_seed2/result.json').read_text())
    assert result['curve'] == [[1, pytest.approx(0.22), pytest.approx(0.44)], [2, 0.22, 0.44]]
    assert result['seconds'] == 0.5 * 20
    assert 0 <= result['wall_seconds'] < 60
    assert 1 < result['peak_rss_mb'] < 1000
    assert result['peak_cuda_mb'] is None and result['AP'] == 0.22


def test_what_fails_is_shown_and_the_others_go_on(tmp_path, capsys):
    trouble = tmp_path / 'trouble'
    trouble.touch()
    plan = replace(PLAN, changes={**PLAN.changes, 'STE': Change({'fake.fail': str(trouble)})})
    whole = comparison(tmp_path / 'out', plan)
    whole.work()
    assert whole.done == RUNS - 4
    assert [(run.name, line) for _, run, line in whole.failed] == [
        ('SGD_STE_lr0.1_seed0', 'RuntimeError: out of luck'),
        ('SGD_STE_lr0.2_seed0', 'RuntimeError: out of luck'),
    ]
    assert 'SGD_STE_lr0.1_seed0: FAILED: RuntimeError: out of luck' in capsys.readouterr().out
    rows = json.loads((tmp_path / 'out/results.json').read_text())
    assert sum('failed' in row for row in rows) == 2
    whole.work()  # the same start: not tried again
    assert all(len(found) == 1 for found in starts(tmp_path / 'out').values())
    trouble.unlink()
    time.sleep(0.01)  # the clock of the file system ticks
    again = comparison(tmp_path / 'out', plan)
    again.work()
    assert again.done == RUNS and not again.failed
    assert len(starts(tmp_path / 'out')['SGD_STE_lr0.1_seed0']) == 2


def test_a_student_of_a_diverged_teacher_fails(tmp_path):
    plan = replace(PLAN, changes={**PLAN.changes, 'FP32': Change({'fake.diverge': True})})
    whole = comparison(tmp_path, plan)
    whole.work()
    lines = {line for _, _, line in whole.failed}
    assert lines == {'its teacher SGD_FP32_lr0.1_seed0 has diverged'}
    assert whole.done == RUNS - 4


def test_a_teacher_is_kept_for_students_to_come_and_trained_again_if_it_is_gone(tmp_path):
    first = study(tmp_path, replace(PLAN, methods={'FP32': None}, changes={}))
    Comparison([first], ['SGD'], poll=0.05).work()
    later = study(tmp_path)
    assert Run('SGD', 'FP32', 0.1, 1) in later.pending('SGD')  # without its checkpoint
    assert Run('SGD', 'FP32', 0.2, 0) not in later.pending('SGD')
    Comparison([later], ['SGD'], poll=0.05).work()
    assert len(read_results(PLAN, tmp_path)) == RUNS
    assert len(starts(tmp_path)[TEACHER]) == 2
    assert len(starts(tmp_path)['SGD_FP32_lr0.2_seed0']) == 1


def test_workers_share_the_runs_and_each_has_its_gpu(tmp_path):
    whole = comparison(tmp_path, pause=0.5)  # longer than the other one takes to start
    side_by_side(whole, [{'CUDA_VISIBLE_DEVICES': '4'}, {'CUDA_VISIBLE_DEVICES': '7'}])
    assert whole.done == RUNS
    found = starts(tmp_path)
    assert all(len(each) == 1 for each in found.values())
    assert {each[0][0] for each in found.values()} == {'4', '7'}


def test_a_worker_waits_for_runs_that_others_depend_on(tmp_path):
    whole = comparison(tmp_path, ALONE)
    folder = tmp_path / 'SGD_STE_lr0.1_seed0'
    folder.mkdir()
    lock = locked(folder / 'lock')  # of another worker
    thread = threading.Thread(target=whole.work)
    thread.start()
    deadline = time.time() + 60
    while whole.done < 1 and time.time() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)  # the other rate is tried; the seeds wait
    assert thread.is_alive() and len(starts(tmp_path)) == 1
    lock.close()  # as if the other one were killed
    thread.join(60)
    assert whole.done == 4


def test_a_worker_leaves_what_others_have_when_nothing_follows(tmp_path):
    whole = comparison(tmp_path, ALONE)
    whole.work()
    (tmp_path / 'SGD_STE_lr0.1_seed2/result.json').unlink()
    lock = locked(tmp_path / 'SGD_STE_lr0.1_seed2/lock')
    whole.work()  # returns
    assert whole.left == 1
    lock.close()


def test_several_data_sets_have_rates_of_their_own(tmp_path):
    studies = [
        study(tmp_path / name, replace(ALONE, dataset=name), ap=ap)
        for name, ap in (('one', 0.5), ('two', 0.7))
    ]
    whole = Comparison(studies, ['SGD'], poll=0.05)
    whole.work()
    assert whole.done == whole.total == 8
    found = [json.loads((tmp_path / f'{n}/results.json').read_text()) for n in ('one', 'two')]
    assert [round(rows[0]['AP'], 3) for rows in found] == [0.4, 0.6]


def test_told_to_stop_a_run_has_not_failed(tmp_path):

    whole = comparison(tmp_path, ALONE, pause=5)
    output = tmp_path / 'SGD_STE_lr0.1_seed0/output.txt'

    def stop() -> None:
        while not (output.exists() and output.read_text().endswith('\n')):
            time.sleep(0.05)
        os.kill(int(output.read_text().split()[-1]), signal.SIGTERM)

    threading.Thread(target=stop).start()
    with pytest.raises(KeyboardInterrupt):
        whole.work()
    assert not whole.failed and whole.done == 0
