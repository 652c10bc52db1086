"""The paper: DPGC (two-path backward) and AGS (its scale factor)."""
from .ags import AdaptiveGradientScaler, gradient_scale, l2_norm
from .dpgc import DPGC
from .ops import ConvOp, LinearOp
from .reference import literal_dpgc, literal_scale

__all__ = [
    'DPGC', 'AdaptiveGradientScaler', 'ConvOp', 'LinearOp', 'gradient_scale',
    'l2_norm', 'literal_dpgc', 'literal_scale'
]
