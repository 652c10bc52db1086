"""Measuring: complexity, cost of a step, studies, gradient fidelity, curves.

``loading`` reads configs and builds models for all of them, ``tables`` writes
what they find, ``published`` the tables of the documents, some of which
``code_tables`` reads from the code.
"""

from ..errors import moved
from .complexity import (
    Complexity,
    LayerOps,
    count_macs,
    count_values,
    detector_complexity,
    layer_macs,
)
from .curves import plot_curves, read_scalars, split_rows

__all__ = [
    'Complexity',
    'LayerOps',
    'count_macs',
    'count_values',
    'detector_complexity',
    'layer_macs',
    'plot_curves',
    'read_scalars',
    'split_rows',
]

__getattr__ = moved('analysis', dict(real_twin='complexity.fp32_twin for real_twin(complexity)'))
