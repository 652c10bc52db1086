"""Losses between the feature maps of a teacher and a student, one per file."""

from ...registry import MODELS
from .base import FeatureLoss, Pair
from .cwd import CWD
from .fgd import FGD
from .fgfi import FGFI
from .ida_det import IDaDet
from .pkd import PKD

for _loss in (PKD, CWD, FGFI, FGD, IDaDet):
    MODELS.register_module(module=_loss)

__all__ = ['CWD', 'FGD', 'FGFI', 'PKD', 'FeatureLoss', 'IDaDet', 'Pair']
