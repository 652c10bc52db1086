"""Seeds that a paired t test needs, against tables of others."""

import pytest

from surge_mmdet.analysis.study.statistics.sample_size import (
    pooled_sd,
    power,
    resolved,
    seeds_needed,
)


# Paired t test, two-sided 5 %, power 80 %: Cohen, Statistical Power Analysis,
# and every sample size table since.
@pytest.mark.parametrize('effect, count', [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10), (1.5, 6)])
def test_the_published_sample_sizes(effect, count):
    assert seeds_needed(1.0, effect) == count
    assert power(effect, 1.0, count) >= 0.8 > power(effect, 1.0, count - 1)


def test_without_a_difference_the_power_is_the_level():
    assert power(0.0, 1.0, 7) == pytest.approx(0.05)


def test_power_is_how_often_a_simulated_study_sees_it():
    import numpy as np
    from scipy.stats import ttest_1samp

    drawn = np.random.default_rng(0).normal(0.01, 0.012, (20_000, 8))
    seen = (ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05).mean()
    assert power(0.01, 0.012, 8) == pytest.approx(seen, abs=0.01)  # 3.6 standard errors


def test_methods_that_share_their_spread_need_fewer_seeds():
    """Ten methods on three seeds have 18 degrees of freedom in the place of 2."""
    import numpy as np
    from scipy.stats import t

    random = np.random.default_rng(0)
    centre = random.normal(0.03, 0.02 / 3**0.5, 20_000)
    spread = 0.02 * (random.chisquare(18, 20_000) / 18) ** 0.5
    seen = (abs(centre) / (spread / 3**0.5) > t.isf(0.025, 18)).mean()
    assert power(0.03, 0.02, 3, methods=10) == pytest.approx(seen, abs=0.01)
    assert seeds_needed(0.02, methods=10) < seeds_needed(0.02)
    assert resolved(0.02, 3, methods=10) < 0.6 * resolved(0.02, 3)


def test_what_is_resolved_needs_as_many_seeds():
    for count in (2, 3, 8, 40):
        assert power(resolved(0.02, count), 0.02, count) == pytest.approx(0.8)
    assert seeds_needed(0.02, resolved(0.02, 8)) in (8, 9)  # but for rounding
    assert seeds_needed(0.0) == 2 and resolved(0.0, 3) == 0.0
    assert seeds_needed(100.0) == 10_000


def test_the_spread_of_methods_is_pooled_by_their_seeds():
    assert pooled_sd([[0.0, 2.0] * 3, [5.0]]) == pytest.approx((6 / 5) ** 0.5)
    assert pooled_sd([[0.0, 2.0] * 2, [0.0, 0.0, 0.0]]) == pytest.approx((4 / 5) ** 0.5)


def test_of_few_differences_no_spread_is_told():
    assert pooled_sd([[0.0, 2.0], [0.0, 1.0, 2.0]]) is None  # 1 + 2 degrees of freedom
    assert pooled_sd([[1.0], []]) is None
