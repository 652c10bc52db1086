"""What inference costs: packed layers and detectors beside other runtimes."""

from .contest import CLOCKS, Pace
from .instruction_sets import check_isa, held_to, runtime_conditions
from .layer_contest import LABELS, compete_in, measure
from .layers import DEFAULT_SETS, SETS, Geometry, LayerSet
from .runtimes import PACKAGES
from .table import ratios_table, raw, times_table

__all__ = [
    'CLOCKS',
    'DEFAULT_SETS',
    'LABELS',
    'PACKAGES',
    'SETS',
    'Geometry',
    'LayerSet',
    'Pace',
    'check_isa',
    'compete_in',
    'held_to',
    'measure',
    'ratios_table',
    'raw',
    'runtime_conditions',
    'times_table',
]
