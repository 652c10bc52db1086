"""How close estimated gradients come to that of the smoothed loss."""

from .detector import choose_layers, fixed_loss
from .estimators import ESTIMATORS, Estimator, compare
from .measure import Fidelity, estimate, input_shape, measure
from .table import fidelity_table

__all__ = [
    'ESTIMATORS',
    'Estimator',
    'Fidelity',
    'choose_layers',
    'compare',
    'estimate',
    'fidelity_table',
    'fixed_loss',
    'input_shape',
    'measure',
]
