"""How many seeds a comparison needs before it can see a difference."""

from math import ceil, sqrt
from statistics import variance
from typing import Optional

from scipy.optimize import brentq
from scipy.stats import nct
from scipy.stats import t as student

DIFFERENCE = 0.01  # of AP
POWER, LEVEL = 0.8, 0.05
MOST = 10_000  # seeds
FREEDOM = 5
# Of paired differences between binary methods over three seeds each, in the
# study of docs/results/does_surge_help.md: 0.015 to 0.023.
PRIOR_SD = 0.02


def power(difference: float, sd: float, count: int, methods: int = 2) -> float:
    """With which chance a two-sided t test at 5 % sees a difference.

    Args:
        difference (float): The true mean of the paired differences.
        sd (float): Their standard deviation.
        count (int): Of pairs, at least 2.
        methods (int): That share the spread, see :mod:`.pool`; two are paired.
    """
    freedom = (methods - 1) * (count - 1)
    bound, centre = student.isf(LEVEL / 2, freedom), difference / sd * sqrt(count)
    # Far out the noncentral t of SciPy has no value: nothing is left there.
    outside = [nct.sf(bound, freedom, centre), nct.cdf(-bound, freedom, centre)]
    return float(sum(part for part in outside if part == part))


def seeds_needed(sd: float, difference: float = DIFFERENCE, methods: int = 2) -> int:
    """The fewest seeds with which a paired difference is seen in four of five studies.

    Args:
        sd (float): Standard deviation of the paired differences.
        difference (float): To be seen.
        methods (int): As in :func:`power`.

    Returns:
        int: At least 2; :data:`MOST` if that many are not enough.

    Examples:
        >>> seeds_needed(0.02)  # half a standard deviation
        34
    """
    if sd <= 0:
        return 2
    low, high = 1, 2
    while high < MOST and power(difference, sd, high, methods) < POWER:
        low, high = high, 2 * high
    high = min(high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        enough = power(difference, sd, middle, methods) >= POWER
        low, high = (low, middle) if enough else (middle, high)
    return high


def resolved(sd: float, count: int, methods: int = 2) -> float:
    """The smallest difference that so many seeds see in four of five studies.

    Args:
        sd (float): Standard deviation of the paired differences.
        count (int): Of seeds, at least 2.
        methods (int): As in :func:`power`.

    Examples:
        >>> round(resolved(0.02, 34), 4), round(resolved(0.02, 3, methods=10), 3)
        (0.0099, 0.034)
    """
    if sd <= 0:
        return 0.0
    most = ceil(student.isf(LEVEL / 2, (methods - 1) * (count - 1))) + 5
    return sd * brentq(lambda ratio: power(ratio, 1.0, count, methods) - POWER, 0.0, most)


def pooled_sd(groups: list) -> Optional[float]:
    """Standard deviation of paired differences, pooled over methods.

    Args:
        groups (list[list[float]]): The differences of each method.

    Returns:
        float | None: None with fewer than :data:`FREEDOM` degrees of freedom: the
            spread of a few differences may be a tenth of the true one.
    """
    known = [group for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in known)
    if freedom < FREEDOM:
        return None
    return sqrt(sum((len(group) - 1) * variance(group) for group in known) / freedom)
