"""Binary layers: binarizer, SURGE and mmcv registration put together."""
from .binary_conv import BinaryConv2d
from .compensation import CompensatedLayer

__all__ = ['BinaryConv2d', 'CompensatedLayer']
