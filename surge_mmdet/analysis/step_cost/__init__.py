"""What a training step costs in time and memory, method beside method."""

from .layers import LAYERS, Layer, measure
from .memory import check_device
from .methods import EXAMPLE, OTHERS, parse_method, train_by
from .race import race
from .table import choose_base, layers_table, steps_table
from .trainer import Setup, StepTrainer

__all__ = [
    'EXAMPLE',
    'LAYERS',
    'OTHERS',
    'Layer',
    'Setup',
    'StepTrainer',
    'check_device',
    'choose_base',
    'layers_table',
    'measure',
    'parse_method',
    'race',
    'steps_table',
    'train_by',
]
