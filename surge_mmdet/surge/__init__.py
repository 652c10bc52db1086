"""The paper: DPGC (two-path backward) and AGS (its scale factor)."""

from .ags import AdaptiveGradientScaler, gradient_scale, l2_norm
from .branch import Branch, like_weight, make_branch
from .dpgc import DPGC
from .ops import ConvOp, LinearOp
from .reference import literal_dpgc, literal_scale
from .variants import ScalerVariant, close_steps, running_scalers

__all__ = [
    'DPGC',
    'AdaptiveGradientScaler',
    'Branch',
    'ConvOp',
    'LinearOp',
    'ScalerVariant',
    'close_steps',
    'gradient_scale',
    'l2_norm',
    'like_weight',
    'literal_dpgc',
    'literal_scale',
    'make_branch',
    'running_scalers',
]
