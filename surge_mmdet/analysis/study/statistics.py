"""Paired comparisons: Student intervals, and Holm's correction of their p values.

Holm's procedure bounds the chance that *any* of a family's comparisons is
called different by luck, under whatever dependence; methods that share a
baseline depend on each other. ``scipy.stats.false_discovery_control`` is
another thing: it bounds the *share* of false ones among those that are called
different, which is what a screening wants and a statement about one method
does not. SciPy has no Holm, hence :func:`holm`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from statistics import mean, stdev
from typing import Optional

from scipy.stats import t as student

LEVEL = 0.05  # of a test, and of what an interval leaves out
NO_SPREAD = 1e-9  # differences that agree to the last digit of a printed AP


def spread(values: Sequence) -> tuple:
    """Mean and sample standard deviation (NaN for a single value)."""
    return mean(values), stdev(values) if len(values) > 1 else nan


def half_interval(values: Sequence, level: float = LEVEL) -> float:
    """Half of Student's interval around the mean, which misses it with chance ``level``.

    NaN for fewer than two values, and for values without any spread: AP has
    three decimals, and seeds that agree in all of them show no certainty.

    Examples:
        >>> round(half_interval([1.0, 2.0, 3.0]), 3)  # 4.303 / sqrt(3)
        2.484
    """
    count = len(values)
    deviation = spread(values)[1]
    if isnan(deviation) or deviation < NO_SPREAD:
        return nan
    return float(student.isf(level / 2, count - 1)) * deviation / sqrt(count)


def centre_and_half(values: Sequence) -> tuple:
    """Mean of the differences and half of its 95 % interval, as ``0.010 ± 0.044``."""
    return mean(values), half_interval(values)


def p_value(values: Sequence) -> float:
    """Two-sided p of Student's test that the mean is 0; NaN as :func:`half_interval`."""
    count = len(values)
    centre, deviation = spread(values)
    if isnan(deviation) or deviation < NO_SPREAD:
        return nan
    return float(2 * student.sf(abs(centre) / (deviation / sqrt(count)), count - 1))


def holm(p_values: Sequence, family: Optional[int] = None) -> list:
    """p values adjusted by Holm's step-down procedure.

    "A simple sequentially rejective multiple test procedure" (Holm,
    Scandinavian Journal of Statistics 1979): the smallest of m is multiplied
    by m, the next by m - 1, and none falls below the one before.

    Args:
        p_values (Sequence[float]): NaN where nothing could be tested yet.
        family (int | None): m, where comparisons are planned that are not in
            ``p_values``; those and NaN count, as if their p were 1.

    Returns:
        list[float]: In the order of ``p_values``; NaN stays.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    found, above = [nan] * len(p_values), 0.0
    left = max(family or 0, len(p_values))
    for index in sorted(range(len(p_values)), key=lambda i: (isnan(p_values[i]), p_values[i])):
        if not isnan(p_values[index]):
            above = max(above, min(1.0, left * p_values[index]))
            found[index] = above
        left -= 1
    return found


@dataclass(frozen=True)
class Difference:
    """One method minus another on the same seeds.

    Args:
        method, base (str): Labels; the second is subtracted.
        differences (Mapping): Seed to difference.
        family (int): How many comparisons the report makes.
        adjusted (float): p after Holm's correction.
    """

    method: str
    base: str
    differences: Mapping
    family: int = 1
    adjusted: float = nan

    @property
    def values(self) -> list:
        """The differences, seed by seed."""
        return list(self.differences.values())

    @property
    def mean(self) -> float:
        """Of the differences; NaN without any."""
        return mean(self.values) if self.values else nan

    @property
    def half(self) -> float:
        """Half of the 95 % interval of this comparison alone."""
        return half_interval(self.values) if self.values else nan

    @property
    def wide(self) -> float:
        """Half of the interval that holds for the whole family at 95 %.

        Bonferroni's, since Holm's procedure has no intervals of a fixed width.
        """
        return half_interval(self.values, LEVEL / self.family) if self.values else nan

    @property
    def p(self) -> float:
        """Of this comparison alone."""
        return p_value(self.values) if self.values else nan

    @property
    def resolved(self) -> bool:
        """Whether it stands after the correction."""
        return self.adjusted < LEVEL


def by_seed(own: Mapping, base: Mapping) -> dict:
    """Seed to difference, of the seeds that both have."""
    return {seed: own[seed] - base[seed] for seed in own if seed in base}


def corrected(differences: Sequence) -> list:
    """All comparisons of a report, each with the family's size and Holm's p.

    Args:
        differences (Sequence[Difference]): All that the plan asks; one that
            has too few seeds yet counts as well, so that the family does not
            depend on what is finished.
    """
    family = len(differences)
    adjusted = holm([each.p for each in differences])
    return [
        Difference(each.method, each.base, each.differences, family, p)
        for each, p in zip(differences, adjusted, strict=True)
    ]
