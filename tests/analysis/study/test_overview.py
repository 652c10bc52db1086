"""The plan before it is trained: its runs, its time, what its seeds can show."""

import json
from dataclasses import replace

import pytest
from analysis.study.small_comparison import PLAN, RUNS, comparison
from analysis.study.small_comparison import study as study_in

from surge_mmdet.analysis.study import overview
from surge_mmdet.analysis.study.overview import differences
from surge_mmdet.analysis.study.runs.progress import duration, seconds_left
from surge_mmdet.analysis.tables import write_json


def leave(folder, name: str, ap: float, seconds: float = 60.0) -> None:
    (folder / name).mkdir()
    (folder / name / 'epoch_2.pth').touch()  # of a teacher
    result = dict(AP=ap, AP50=ap, diverged=False, wall_seconds=seconds)
    write_json(result, folder / name / 'result.json')


def tuned(folder) -> None:
    """STE and FP32 tuned, both seeds of STE and one of FP32 done."""
    for method in ('STE', 'FP32'):
        leave(folder, f'SGD_{method}_lr0.1_seed0', 0.2)
        leave(folder, f'SGD_{method}_lr0.2_seed0', 0.1)
    for seed in (1, 2):
        leave(folder, f'SGD_STE_lr0.1_seed{seed}', 0.3)
    leave(folder, 'SGD_FP32_lr0.1_seed1', 0.35, seconds=240.0)


def test_before_the_first_run_the_spread_is_an_assumption(tmp_path):
    text = overview(comparison(tmp_path), 1)
    assert '| student | 0.1, 0.2 | 0 of 2 | 0 of 2 | FP32 |' in text
    assert 'takes 33 seeds' in text and 'standard deviation of 0.020, which is assumed' in text
    assert f'{RUNS} runs: 0 finished, {RUNS} left. How long they take is known after' in text


def test_the_time_is_that_of_the_finished_runs(tmp_path):
    tuned(tmp_path)
    whole = comparison(tmp_path)
    # The seed that took 240 s, perhaps interrupted, leaves the medians at 60:
    # 1 is left of FP32, 4 of the student.
    assert seconds_left(whole) == pytest.approx(60 + 4 * 60)
    text = overview(whole, 2)
    assert '| STE | 0.1, 0.2 | 2 of 2 | 2 of 2 | - |' in text
    assert text.endswith('12 runs: 7 finished, 5 left; about 2 min with 2 at once.')


def test_a_single_rate_is_not_tuned_and_a_failure_of_an_earlier_plan_is_none(tmp_path):
    plan = replace(PLAN, optimizers={'SGD': dict(PLAN.optimizers['SGD'], own={'STE': (0.1,)})})
    folder = tmp_path / 'SGD_STE_lr0.1_seed0'
    folder.mkdir()
    (folder / 'result.json').write_text(json.dumps(dict(failed='it was tuned then')))
    text = overview(comparison(tmp_path, plan), 1)
    assert '| STE | 0.1 | one rate | 0 of 2 | - |' in text
    assert f'{RUNS - 2} runs: 0 finished, {RUNS - 2} left' in text and 'failed' not in text


def test_of_two_pairs_no_spread_is_taken(tmp_path):
    tuned(tmp_path)
    leave(tmp_path, 'SGD_FP32_lr0.1_seed2', 0.37)
    study = study_in(tmp_path)
    assert differences(study, 'SGD') == {
        'FP32': [pytest.approx(0.05), pytest.approx(0.07)],
    }
    text = overview(comparison(tmp_path), 1)
    assert 'standard deviation of 0.020, which is assumed, as too few seeds' in text


def test_seeds_by_the_spread_of_paired_differences(tmp_path):
    plan = replace(PLAN, seeds=tuple(range(1, 7)))
    for method in ('STE', 'FP32'):
        for lr in (0.1, 0.2):
            leave(tmp_path, f'SGD_{method}_lr{lr}_seed0', 0.3 - lr)
    for seed in plan.seeds:
        leave(tmp_path, f'SGD_STE_lr0.1_seed{seed}', 0.3)
        leave(tmp_path, f'SGD_FP32_lr0.1_seed{seed}', 0.35 + 0.02 * (seed % 2))
    text = overview(comparison(tmp_path, plan), 1)
    # Six differences, 0.01 from their mean: (6 * 0.01^2 / 5) ** 0.5
    assert 'standard deviation of 0.011, the spread of the differences so far' in text


def test_one_seed_resolves_nothing(tmp_path):
    text = overview(comparison(tmp_path, replace(PLAN, seeds=(1,))), 1)
    assert 'takes 33 seeds' in text and 'seeds of the plan show' not in text


@pytest.mark.parametrize('seconds, text', [(59.4, '59 s'), (3599, '1 h 0 min'), (86400, '1 d 0 h')])
def test_durations(seconds, text):
    assert duration(seconds) == text
