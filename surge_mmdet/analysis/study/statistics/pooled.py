"""One spread for all methods of a study, so that three seeds each can tell something.

Of three paired differences by themselves Student's factor is 4.3, and beyond
20 after a correction for many comparisons. But the runs of a study differ in
nothing but method and seed, and how much luck moves AP is nearly the same for
all methods; so that luck is estimated from all runs together, as in any
analysis of variance (Montgomery, "Design and Analysis of Experiments", chapter
4: randomized blocks). With two methods this is the paired t test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Optional

import numpy as np
from scipy.stats import levene

from .differences import NO_SPREAD, Estimate

LEAST = 4  # seeds of a method whose spread Levene's test can judge


@dataclass(frozen=True)
class Pool:
    """AP as the sum of a method's mean, a seed's shift, and noise of one spread.

    Args:
        methods (tuple): Labels, in the order of the columns.
        design (np.ndarray): (runs, methods + seeds - 1), of zeros and ones.
        values (np.ndarray): (runs,), AP.
    """

    methods: tuple
    design: np.ndarray
    values: np.ndarray

    @property
    def freedom(self) -> int:
        """Of the noise: runs less what is estimated."""
        return len(self.values) - int(np.linalg.matrix_rank(self.design))

    @property
    def sd(self) -> float:
        """Standard deviation of the noise of one run; 0 without freedom."""
        noise = self.values - self.design @ np.linalg.pinv(self.design) @ self.values
        return sqrt(float(noise @ noise) / self.freedom) if self.freedom else 0.0

    @property
    def equal_spreads(self) -> Optional[float]:
        """p of Levene's test, about medians, that methods have the same spread.

        Of those with at least four seeds, None for fewer than two such methods:
        with two seeds the test always rejects, with three hardly ever.
        """
        groups = [self.values[self.design[:, place] == 1] for place in range(len(self.methods))]
        enough = [group for group in groups if len(group) >= LEAST]
        return float(levene(*enough).pvalue) if len(enough) > 1 else None

    def contrast(self, weights: Mapping) -> Optional[Estimate]:
        """A weighted sum of methods' means.

        Args:
            weights (Mapping): Label to factor: ``{'SURGE': 1, 'STE': -1}`` is
                a difference.

        Returns:
            Estimate | None: None if a method is not in the pool, if there is
            no spread, or if the methods' seeds do not hang together.
        """
        if not set(weights) <= set(self.methods) or self.sd < NO_SPREAD:
            return None
        row = np.zeros(self.design.shape[1])
        for method, factor in weights.items():
            row[self.methods.index(method)] = factor
        inverse = np.linalg.pinv(self.design)
        if not np.allclose(row @ inverse @ self.design, row):
            return None
        spread = self.sd * float(np.linalg.norm(row @ inverse))
        return Estimate(float(row @ inverse @ self.values), spread, self.freedom)


def pool(values: Mapping) -> Optional[Pool]:
    """The pool of a study's runs.

    Args:
        values (Mapping): Method to its AP by seed. Methods with fewer than two
            seeds tell nothing of a spread and are left out.

    Returns:
        Pool | None: None for fewer than two methods.

    Examples:
        >>> found = pool({'a': {1: 0.3, 2: 0.4, 3: 0.5}, 'b': {1: 0.4, 2: 0.5, 3: 0.9}})
        >>> [round(value, 3) for value in found.contrast({'b': 1, 'a': -1})]
        [0.2, 0.1, 2]
    """
    known = {method: each for method, each in values.items() if len(each) > 1}
    if len(known) < 2:
        return None
    runs = [(method, seed) for method, each in known.items() for seed in each]
    columns = [*known, *sorted({seed for _, seed in runs})[1:]]
    design = np.array([[float(column in run) for column in columns] for run in runs])
    ap = np.array([known[method][seed] for method, seed in runs])
    return Pool(tuple(known), design, ap)
