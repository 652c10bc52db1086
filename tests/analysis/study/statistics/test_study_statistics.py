"""Intervals and p values against SciPy's own tests, Holm against its definition."""

import math
from itertools import combinations
from random import Random

import pytest
from scipy import stats

from surge_mmdet.analysis.study.statistics.differences import (
    Difference,
    by_seed,
    centre_and_half,
    corrected,
    holm,
    paired,
    spread,
)


def sample(seed: int, count: int) -> list:
    random = Random(seed)
    return [random.gauss(0.01, 0.02) for _ in range(count)]


@pytest.mark.parametrize('count', [2, 3, 8, 12])
@pytest.mark.parametrize('level', [0.05, 0.05 / 14])
def test_interval_and_p_are_those_of_students_test(count, level):
    values = sample(count, count)
    found = stats.ttest_1samp(values, 0.0)
    low, high = found.confidence_interval(1 - level)
    estimate = paired(values)
    assert estimate.half(level) == pytest.approx((high - low) / 2, rel=1e-12)
    assert estimate.p == pytest.approx(found.pvalue, rel=1e-12)
    assert centre_and_half(values) == (spread(values)[0], estimate.half())


def test_an_interval_by_hand():
    """t of one degree of freedom is 12.706 at 97.5 %; differences 0.04 and 0.06."""
    centre, half = centre_and_half([0.04, 0.06])
    assert centre == pytest.approx(0.05)
    assert half == pytest.approx(12.7062047 * 0.02 / math.sqrt(2) / math.sqrt(2), rel=1e-8)


@pytest.mark.parametrize('values', [[0.3], [0.1, 0.1], [0.38 - 0.34, 0.34 - 0.30]])
def test_without_a_spread_there_is_no_certainty(values):
    assert math.isnan(paired(values).half()) and math.isnan(paired(values).p)


def test_holm_by_hand():
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1, which may not fall below 0.06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0] and holm([]) == []


def closed(p_values: list) -> list:
    """Holm is the closure of Bonferroni's test: a hypothesis falls when every
    family that holds it falls."""
    everyone = range(len(p_values))
    families = [f for size in everyone for f in combinations(everyone, size + 1)]
    return [
        max(min(1.0, len(f) * min(p_values[i] for i in f)) for f in families if one in f)
        for one in everyone
    ]


@pytest.mark.parametrize('seed', range(20))
def test_holm_is_the_closure_of_bonferroni(seed):
    random = Random(seed)
    values = [random.random() ** 3 for _ in range(random.randint(1, 7))]
    assert holm(values) == pytest.approx(closed(values), rel=1e-12)


def test_what_is_planned_and_not_finished_counts():
    assert holm([0.01, math.nan, 0.02])[::2] == pytest.approx([0.03, 0.04])
    assert math.isnan(holm([0.01, math.nan])[1])
    assert holm([0.01], family=5) == pytest.approx([0.05])


def test_false_discovery_control_is_something_else():
    """It bounds a share, so it calls more different; the report does not use it."""
    values = [0.01, 0.02, 0.03, 0.04]
    assert max(stats.false_discovery_control(values)) < 0.05 < max(holm(values))


def test_luck_alone_is_rarely_called_a_difference():
    """500 reports of 8 methods that all equal their baseline, which they share."""
    random, called = Random(1), 0
    for _ in range(500):
        base = [random.gauss(0, 1) for _ in range(5)]
        each = [
            Difference(f'{i}', 'base', {s: random.gauss(0, 1) - base[s] for s in range(5)})
            for i in range(8)
        ]
        called += any(one.resolved for one in corrected(each))
    assert 0 < called / 500 <= 0.05


def test_a_difference_tells_both_intervals():
    values = dict(enumerate(sample(3, 6)))
    plain, other = Difference('a', 'b', values), Difference('c', 'b', {1: 0.1})
    (found, lone) = corrected([plain, other])
    assert found.family == lone.family == 2 and found.adjusted == pytest.approx(2 * plain.p)
    factor = stats.t.ppf(1 - 0.05 / 4, 5) / stats.t.ppf(1 - 0.05 / 2, 5)
    assert found.wide == pytest.approx(found.half * factor, rel=1e-12)
    assert found.mean == pytest.approx(sum(values.values()) / 6)
    assert math.isnan(lone.adjusted) and not lone.resolved
    empty = Difference('d', 'b', {})
    assert all(math.isnan(v) for v in (empty.mean, empty.half, empty.wide, empty.p))


def test_pairs_are_seeds_that_both_have():
    assert by_seed({1: 0.5, 2: 0.7}, {2: 0.5, 3: 0.1}) == {2: pytest.approx(0.2)}
