"""What the runs of a comparison can tell: intervals, corrections, power."""

from .differences import (
    LEVEL,
    NO_SPREAD,
    Difference,
    Estimate,
    by_seed,
    centre_and_half,
    corrected,
    spread,
    without_nan,
)
from .pooled import Pool, pool
from .sample_size import DIFFERENCE, FREEDOM, PRIOR_SD, pooled_sd, power, resolved, seeds_needed

__all__ = [
    'DIFFERENCE',
    'Difference',
    'Estimate',
    'FREEDOM',
    'LEVEL',
    'NO_SPREAD',
    'PRIOR_SD',
    'Pool',
    'by_seed',
    'centre_and_half',
    'corrected',
    'pool',
    'pooled_sd',
    'power',
    'resolved',
    'seeds_needed',
    'spread',
    'without_nan',
]
