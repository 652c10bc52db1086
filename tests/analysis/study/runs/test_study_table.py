"""Tables of a study, as Markdown."""

from dataclasses import replace

from analysis.study.small_study import PLAN, seeded, tuned

from surge_mmdet.analysis.study import Run
from surge_mmdet.analysis.study.runs import seed_table, tuning_table


def tuning_text(results, plan=PLAN) -> str:
    return tuning_table(results, plan, 'SGD').markdown()


def seed_text(results, plan=PLAN) -> str:
    return seed_table(results, plan, 'SGD').markdown()


def test_the_best_rate_is_bold():
    assert tuning_text(tuned()).splitlines() == [
        '| SGD, seed 0: AP / AP50 | lr 0.1 | lr 0.2 |',
        '|---|---|---|',
        '| STE | 0.100 / 0.200 | **0.300 / 0.600** |',
        '| polynomial + SURGE | **0.400 / 0.800** | 0.200 / 0.400 |',
    ]


def test_seeds_are_compared_in_pairs():
    head, _, ste, other = seed_text(seeded()).splitlines()
    assert head == ('| SGD | lr | seeds | AP | AP50 | AP - STE, paired | AP50 - STE, paired |')
    assert ste == '| STE | 0.2 (edge) | 2 | 0.310 ± 0.014 | 0.620 ± 0.028 | - | - |'
    assert other.endswith('| +0.050 ± 0.127 | +0.100 ± 0.254 |')


def test_one_seed_has_no_spread():
    rows = seed_text(seeded(), replace(PLAN, seeds=(1,))).splitlines()
    assert rows[2] == '| STE | 0.2 (edge) | 1 | 0.300 | 0.600 | - | - |'
    assert rows[3].endswith('| +0.040 | +0.080 |')


def test_diverged_runs_are_named():
    results = seeded()
    results[Run('SGD', 'STE', 0.2, 2)] = dict(AP=0.0, AP50=0.0, diverged=True)
    assert '| 2, 1 diverged |' in seed_text(results)
    results[Run('SGD', 'STE', 0.1, 0)] = dict(AP=0.0, AP50=0.0, diverged=True)
    assert '| STE | diverged | **' in tuning_text(results)


def test_an_unfinished_tuning_is_shown_as_such():
    results = tuned()
    results.pop(Run('SGD', 'STE', 0.1, 0))
    assert '| STE | - | **0.300 / 0.600** |' in tuning_text(results)
    assert len(seed_text(results).splitlines()) == 2


def test_who_is_left_out_has_no_row():
    own = {'STE': (0.2,), 'polynomial + SURGE': ()}
    plan = replace(PLAN, optimizers={'SGD': dict(lrs=(0.1, 0.2), own=own)})
    assert 'polynomial' not in tuning_text(tuned(), plan)


def test_a_single_rate_is_in_no_table_of_rates_and_at_no_edge():
    plan = replace(PLAN, optimizers={'SGD': dict(lrs=(0.2,), own={'STE': (0.1, 0.2)})})
    assert 'polynomial' not in tuning_text(tuned(), plan)
    results = {**tuned(), Run('SGD', 'polynomial + SURGE', 0.2, 1): dict(AP=0.3, AP50=0.5)}
    rows = seed_text(results, plan).splitlines()
    assert rows[-1].startswith('| polynomial + SURGE | 0.2 | 1 |')
