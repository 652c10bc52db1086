"""Binary layers: binarizer, SURGE and mmcv registration put together."""
from .binary_conv import BinaryConv2d
from .compensation import TRAINING_ONLY, CompensatedLayer

__all__ = ['TRAINING_ONLY', 'BinaryConv2d', 'CompensatedLayer']
