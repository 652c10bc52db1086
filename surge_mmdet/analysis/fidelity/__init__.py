"""How close estimated gradients come to that of the smoothed loss."""

from .depth import depth_table, gradient_by_depth
from .detector import choose_layers, fixed_loss
from .measure import Fidelity, estimate, input_shape, measure
from .methods import MEASURED, compare, gradients, trained_by
from .table import fidelity_table

__all__ = [
    'MEASURED',
    'Fidelity',
    'choose_layers',
    'compare',
    'depth_table',
    'estimate',
    'fidelity_table',
    'fixed_loss',
    'gradient_by_depth',
    'gradients',
    'input_shape',
    'measure',
    'trained_by',
]
