"""Complexity of models and curves of trainings."""

from .complexity import (
    Complexity,
    LayerOps,
    count_macs,
    count_values,
    detector_complexity,
    layer_macs,
    real_twin,
)
from .training_log import plot_curves, read_scalars, split_rows

__all__ = [
    'Complexity',
    'LayerOps',
    'count_macs',
    'count_values',
    'detector_complexity',
    'layer_macs',
    'plot_curves',
    'read_scalars',
    'real_twin',
    'split_rows',
]
