"""A real-valued teacher beside a binary detector: one key in the config."""

from .detector import Distilled, distilled_detector, undistilled
from .losses import CWD, PKD, FeatureLoss
from .teacher import Teacher

__all__ = [
    'CWD',
    'PKD',
    'Distilled',
    'FeatureLoss',
    'Teacher',
    'distilled_detector',
    'undistilled',
]
