"""A real-valued teacher beside a binary detector: one key in the config."""

from .detector import Distilled, distilled_detector, undistilled
from .losses import CWD, FGD, FGFI, PKD, FeatureLoss, IDaDet
from .teacher import Teacher

__all__ = [
    'CWD',
    'FGD',
    'FGFI',
    'PKD',
    'Distilled',
    'FeatureLoss',
    'IDaDet',
    'Teacher',
    'distilled_detector',
    'undistilled',
]
