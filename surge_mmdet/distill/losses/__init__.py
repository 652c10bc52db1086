"""Losses between the feature maps of a teacher and a student, one per file."""

from ...registry import MODELS
from .base import FeatureLoss
from .cwd import CWD
from .pkd import PKD

for _loss in (PKD, CWD):
    MODELS.register_module(module=_loss)

__all__ = ['CWD', 'PKD', 'FeatureLoss']
