"""A real-valued teacher beside a binary detector: one key in the config."""

from .detector import distilled_detector
from .losses import CWD, PKD, FeatureLoss
from .teacher import Teacher

__all__ = ['CWD', 'PKD', 'FeatureLoss', 'Teacher', 'distilled_detector']
