"""Differences: Student intervals, and Holm's correction of their p values.

Holm's procedure bounds the chance that *any* of a family's comparisons is
called different by luck, under whatever dependence; methods that share a
baseline depend on each other. ``scipy.stats.false_discovery_control`` is
another thing: it bounds the *share* of false ones among those that are called
different, which is what a screening wants and a statement about one method
does not. SciPy has no Holm, hence :func:`holm`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan, sqrt
from statistics import mean, stdev
from typing import NamedTuple, Optional

from scipy.stats import t as student

LEVEL = 0.05  # of a test, and of what an interval leaves out
NO_SPREAD = 1e-9  # differences that agree to the last digit of a printed AP


def spread(values: Sequence) -> tuple:
    """Mean and sample standard deviation (NaN for a single value)."""
    return mean(values), stdev(values) if len(values) > 1 else nan


class Estimate(NamedTuple):
    """A mean, its standard error, and the degrees of freedom of that error."""

    mean: float
    error: float
    freedom: int

    def half(self, level: float = LEVEL) -> float:
        """Half of Student's interval, which misses the true mean with chance ``level``."""
        return float(student.isf(level / 2, self.freedom)) * self.error

    @property
    def p(self) -> float:
        """Two-sided p of Student's test that the mean is 0."""
        return float(2 * student.sf(abs(self.mean) / self.error, self.freedom))


def paired(values: Sequence) -> Estimate:
    """Of differences by themselves.

    The error is NaN for fewer than two values, and for values without any
    spread: AP has three decimals, and seeds that agree in all of them show no
    certainty.

    Examples:
        >>> round(paired([1.0, 2.0, 3.0]).half(), 3)  # 4.303 / sqrt(3)
        2.484
    """
    if not values:
        return Estimate(nan, nan, 0)
    centre, deviation = spread(values)
    known = not isnan(deviation) and deviation >= NO_SPREAD
    return Estimate(centre, deviation / sqrt(len(values)) if known else nan, len(values) - 1)


def centre_and_half(values: Sequence) -> tuple:
    """Mean of the differences and half of its 95 % interval, as ``0.010 ± 0.044``."""
    found = paired(values)
    return found.mean, found.half()


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
        pooled (Estimate | None): By the spread of all methods of the study;
            None for that of these differences.
        family (int): How many comparisons the report makes.
        adjusted (float): p after Holm's correction.
    """

    method: str
    base: str
    differences: Mapping
    pooled: Optional[Estimate] = None
    family: int = 1
    adjusted: float = nan

    @property
    def values(self) -> list:
        """The differences, seed by seed."""
        return list(self.differences.values())

    @property
    def estimate(self) -> Estimate:
        """The difference and its error; NaN where there are too few seeds."""
        return self.pooled or paired(self.values)

    @property
    def mean(self) -> float:
        """The difference; NaN without any pair."""
        return self.estimate.mean

    @property
    def half(self) -> float:
        """Half of the 95 % interval of this comparison alone."""
        return self.estimate.half()

    @property
    def wide(self) -> float:
        """Half of the interval that holds for the whole family at 95 %.

        Bonferroni's, since Holm's procedure has no intervals of a fixed width.
        """
        return self.estimate.half(LEVEL / self.family)

    @property
    def p(self) -> float:
        """Of this comparison alone."""
        return self.estimate.p

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
        replace(each, family=family, adjusted=p)
        for each, p in zip(differences, adjusted, strict=True)
    ]


def without_nan(values: Sequence) -> Optional[list]:
    """Values that few seeds can tell; None if there are none."""
    return [value for value in values if not isnan(value)] or None
