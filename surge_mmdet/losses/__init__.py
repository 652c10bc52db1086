"""Losses beside the detector's own, and the detector that adds them."""

from ..registry import MODELS
from .base import DetectorLoss
from .build import build_loss, build_losses, loss_class, loss_names
from .context import Call, Context, View
from .detector import (
    PREFIX,
    WithLosses,
    detector_with_losses,
    mixed_in,
    unwrapped,
    without_losses,
)
from .information_bottleneck import InformationBottleneck
from .sparse_object_prior import SparseObjectPrior, sparse_prior
from .structure import Level, dense_head, has_anchors, levels_of

for _loss in (InformationBottleneck, SparseObjectPrior):
    MODELS.register_module(module=_loss)

__all__ = [
    'PREFIX',
    'Call',
    'Context',
    'DetectorLoss',
    'InformationBottleneck',
    'Level',
    'SparseObjectPrior',
    'View',
    'WithLosses',
    'build_loss',
    'build_losses',
    'dense_head',
    'detector_with_losses',
    'has_anchors',
    'levels_of',
    'loss_class',
    'loss_names',
    'mixed_in',
    'sparse_prior',
    'unwrapped',
    'without_losses',
]
