"""Binary layers: binarizer, SURGE and mmcv registration put together."""

from ..errors import moved
from .binary_conv import BinaryConv2d
from .binary_layer import TRAINING_ONLY, BinaryLayer
from .binary_linear import BinaryLinear
from .rprelu import RPReLU

__all__ = ['TRAINING_ONLY', 'BinaryConv2d', 'BinaryLayer', 'BinaryLinear', 'RPReLU']

__getattr__ = moved('layers', dict(CompensatedLayer='from surge_mmdet.layers import BinaryLayer'))
