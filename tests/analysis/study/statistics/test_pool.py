"""The spread of all methods together, against SciPy, by hand, and by its promises."""

from random import Random

import numpy as np
import pytest
from scipy import stats

from surge_mmdet.analysis.study.statistics.differences import Difference, corrected
from surge_mmdet.analysis.study.statistics.pooled import pool

MINUS = {'b': 1, 'a': -1}


def made_up(random, means: dict, seeds, shared=0.5, noise=1.0) -> dict:
    """Method to AP by seed; seeds share a part of their luck."""
    shift = {seed: random.gauss(0, shared) for seed in seeds}
    return {
        method: {seed: mean + shift[seed] + random.gauss(0, noise) for seed in seeds}
        for method, mean in means.items()
    }


@pytest.mark.parametrize('count', [2, 3, 7])
def test_of_two_methods_it_is_the_paired_test(count):
    values = made_up(Random(count), dict(a=0.0, b=0.4), range(count))
    found = pool(values).contrast(MINUS)
    want = stats.ttest_rel(*(list(values[m].values()) for m in 'ba'))
    assert found.p == pytest.approx(want.pvalue, rel=1e-9)
    low, high = want.confidence_interval(0.99)
    assert found.half(0.01) == pytest.approx((high - low) / 2, rel=1e-9)


def test_a_block_design_by_hand():
    """Methods 0, 1, 5 and seeds -1, 1, with noise that leaves both sums at 0."""
    values = dict(a={1: -1 + 0.1, 2: 1 - 0.1}, b={1: -0.1, 2: 2.1}, c={1: 4.0, 2: 6.0})
    found = pool(values)
    assert found.freedom == 2  # (3 - 1) (2 - 1)
    noise = 4 * 0.1**2 / 2
    assert found.sd == pytest.approx(noise**0.5)
    estimate = found.contrast(MINUS)
    assert estimate.mean == pytest.approx(1.0) and estimate.freedom == 2
    assert estimate.error == pytest.approx((2 * noise / 2) ** 0.5)  # of two seeds
    halves = found.contrast({'a': -0.5, 'b': -0.5, 'c': 1})
    assert halves.mean == pytest.approx(4.5)
    assert halves.error == pytest.approx((1.5 * noise / 2) ** 0.5)


def test_more_seeds_of_some_count():
    """Without shifts the error tends to that of two samples of unequal size."""
    random = Random(0)
    values = made_up(random, {name: 0.0 for name in 'abcdefgh'}, range(10), shared=0.0)
    values['b'] = {seed: values['b'][seed] for seed in (0, 1, 2)}
    found = pool(values)
    error = found.contrast(MINUS).error
    assert error == pytest.approx(found.sd * (1 / 10 + 1 / 3) ** 0.5, rel=0.05)
    few = pool({m: {s: each[s] for s in (0, 1, 2)} for m, each in values.items()})
    assert error / found.sd < few.contrast(MINUS).error / few.sd


def test_of_equal_methods_few_reports_call_one_different():
    random, called = Random(2), 0
    for _ in range(300):
        values = made_up(random, {name: 0.0 for name in 'abcdefgh'}, (1, 2, 3))
        called += any(each.resolved for each in differences(values))
    assert 0 < called / 300 <= 0.05


def differences(values: dict, pooled: bool = True) -> list:
    shared = pool(values) if pooled else None
    return corrected(
        [
            Difference(
                method,
                'a',
                {seed: values[method][seed] - values['a'][seed] for seed in values['a']},
                shared and shared.contrast({method: 1, 'a': -1}),
            )
            for method in values
            if method != 'a'
        ]
    )


def test_three_seeds_see_what_they_do_not_see_by_themselves():
    random, means = Random(3), dict(a=0.0, b=6.0, c=0.0, d=0.0, e=0.0, f=0.0)
    together, alone = 0, 0
    for _ in range(50):
        values = made_up(random, means, (1, 2, 3))
        together += differences(values)[0].resolved
        alone += differences(values, pooled=False)[0].resolved
    assert together >= 45 and alone <= 25


def test_unequal_spreads_are_told():
    random = Random(4)
    values = made_up(random, dict(a=0.0, b=0.0, c=0.0), range(12), shared=0.0)
    assert pool(values).equal_spreads > 0.05
    values['c'] = {seed: 9 * value for seed, value in values['c'].items()}
    assert pool(values).equal_spreads < 0.01


def test_spreads_are_judged_from_four_seeds_on():
    """With two Levene's test always rejects, with three hardly ever."""
    for count, methods in ((2, None), (3, None), (4, 3)):
        values = made_up(Random(4), dict(a=0.0, b=0.0, c=0.0), range(count), shared=0.0)
        assert (pool(values).equal_spreads is None) == (methods is None)
    four = pool(values).equal_spreads
    values['d'] = {0: 0.1, 1: 9.0}
    assert pool(values).equal_spreads == four
    del values['b'], values['c']
    assert pool(values).equal_spreads is None


def test_what_cannot_be_told_is_none():
    values = made_up(Random(5), dict(a=0.0, b=0.0), (1, 2))
    assert pool({'a': values['a'], 'b': {1: 0.5}}) is None
    assert pool(values).contrast({'b': 1, 'z': -1}) is None
    apart = values | {'c': {8: 0.1, 9: 0.3}, 'd': {8: 0.2, 9: 0.5}}
    assert pool(apart).contrast({'c': 1, 'a': -1}) is None  # no seed links them
    assert pool(apart).contrast({'d': 1, 'c': -1}) is not None
    flat = {'a': {1: 0.1, 2: 0.2}, 'b': {1: 0.3, 2: 0.4}}
    assert pool(flat).contrast(MINUS) is None  # no spread at all
    assert np.isclose(pool(flat).sd, 0, atol=1e-9)
