"""Binary layers: binarizer, SURGE and mmcv registration put together."""

from .binary_conv import BinaryConv2d
from .binary_layer import BinaryLayer
from .binary_linear import BinaryLinear
from .compensation import TRAINING_ONLY, CompensatedLayer
from .rprelu import RPReLU

__all__ = [
    'TRAINING_ONLY',
    'BinaryConv2d',
    'BinaryLayer',
    'BinaryLinear',
    'CompensatedLayer',
    'RPReLU',
]
