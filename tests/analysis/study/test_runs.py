"""The study: which runs, which rate, which difference."""

import math
from types import SimpleNamespace

import pytest

from surge_mmdet.analysis.study import (
    Run,
    best_rates,
    paired,
    seed_runs,
    seed_table,
    spread,
    tuning_runs,
    tuning_table,
)

PLAN = SimpleNamespace(
    contestants={'STE': {}, 'polynomial + SURGE': {}},
    baseline='STE',
    tune_seed=0,
    seeds=(1, 2),
    optimizers={'SGD': dict(lrs=(0.1, 0.2))},
)


def result(ap: float) -> dict:
    return dict(AP=ap, AP50=2 * ap)


def tuned() -> dict:
    names = ('STE', 'polynomial + SURGE')
    values = {
        (names[0], 0.1): 0.1,
        (names[0], 0.2): 0.3,
        (names[1], 0.1): 0.4,
        (names[1], 0.2): 0.2,
    }
    return {Run('SGD', name, lr, 0): result(ap) for (name, lr), ap in values.items()}


def seeded() -> dict:
    return tuned() | {
        Run('SGD', 'STE', 0.2, 1): result(0.30),
        Run('SGD', 'STE', 0.2, 2): result(0.32),
        Run('SGD', 'polynomial + SURGE', 0.1, 1): result(0.34),
        Run('SGD', 'polynomial + SURGE', 0.1, 2): result(0.38),
    }


def test_names_are_folders_and_differ():
    runs = tuning_runs(PLAN, 'SGD')
    assert len(runs) == len({run.name for run in runs}) == 4
    assert Run('SGD', 'polynomial + SURGE', 0.1, 0).name == ('SGD_polynomial-and-SURGE_lr0.1_seed0')


def test_each_contestant_gets_its_own_rate():
    assert best_rates(tuned(), PLAN, 'SGD') == {'STE': 0.2, 'polynomial + SURGE': 0.1}


def test_nothing_is_chosen_before_all_rates_are_done():
    results = tuned()
    results.pop(Run('SGD', 'STE', 0.1, 0))
    best = best_rates(results, PLAN, 'SGD')
    assert best == {'polynomial + SURGE': 0.1}
    assert {run.contestant for run in seed_runs(PLAN, 'SGD', best)} == {'polynomial + SURGE'}


def test_the_tuning_seed_is_not_among_those_compared():
    runs = seed_runs(PLAN, 'SGD', best_rates(tuned(), PLAN, 'SGD'))
    assert [run.seed for run in runs] == [1, 1, 2, 2]
    assert PLAN.tune_seed not in {run.seed for run in runs}


def test_paired_difference_has_students_interval():
    centre, half = paired([0.34, 0.38], [0.30, 0.32])
    assert centre == pytest.approx(0.05)
    assert half == pytest.approx(12.706 * 0.02 / math.sqrt(2) / math.sqrt(2), rel=1e-4)


def test_one_seed_has_no_spread():
    assert math.isnan(spread([0.3])[1]) and math.isnan(paired([1], [0])[1])


def test_tables():
    text = tuning_table(tuned(), PLAN, 'SGD')
    assert '| STE | 0.100 / 0.200 | **0.300 / 0.600** |' in text
    text = seed_table(seeded(), PLAN, 'SGD')
    assert '| STE | 0.2 (edge) | 2 | 0.310 ± 0.014 | 0.620 ± 0.028 |' in text
    assert '| +0.050 ± 0.127 | +0.100 ± 0.254 |' in text


def test_diverged_runs_are_named():
    results = seeded()
    results[Run('SGD', 'STE', 0.2, 2)] = dict(AP=0.0, AP50=0.0, diverged=True)
    assert '| 2, 1 diverged |' in seed_table(results, PLAN, 'SGD')
    results[Run('SGD', 'STE', 0.1, 0)] = dict(AP=0.0, AP50=0.0, diverged=True)
    assert '| STE | diverged |' in tuning_table(results, PLAN, 'SGD')


def test_an_unfinished_tuning_is_shown_as_such():
    results = tuned()
    results.pop(Run('SGD', 'STE', 0.1, 0))
    assert '| STE | - | **0.300 / 0.600** |' in tuning_table(results, PLAN, 'SGD')
    assert len(seed_table(results, PLAN, 'SGD').splitlines()) == 2


def test_a_contestant_may_have_rates_of_its_own_or_none():
    plan = SimpleNamespace(
        **vars(PLAN)
        | dict(
            optimizers={'SGD': dict(lrs=(0.1, 0.2), own={'STE': (0.2,), 'polynomial + SURGE': ()})}
        )
    )
    assert tuning_runs(plan, 'SGD') == [Run('SGD', 'STE', 0.2, 0)]
    assert best_rates(tuned(), plan, 'SGD') == {'STE': 0.2}
    assert 'polynomial' not in tuning_table(tuned(), plan, 'SGD')
