"""The paper: DPGC (two-path backward) and AGS (its scale factor).

What is ours and not the paper's is in ``extensions/``.
"""

from ..errors import moved
from ..registry import BRANCHES, COMBINATIONS, SCALERS
from .ags import AdaptiveGradientScaler, Statistics, gradient_scale, l2_norm
from .branch import Branch
from .config import SurgeConfig
from .dpgc import Paths, dpgc
from .fused import add_scaled
from .ops import ConvOp, LinearOp, sign_product
from .reference import literal_dpgc, literal_scale

SCALERS.register_module('batch', module=AdaptiveGradientScaler)
COMBINATIONS.register_module('sum', module=add_scaled)
BRANCHES.register_module('full', module=Branch)

__all__ = [
    'AdaptiveGradientScaler',
    'Branch',
    'ConvOp',
    'LinearOp',
    'Paths',
    'Statistics',
    'SurgeConfig',
    'add_scaled',
    'dpgc',
    'gradient_scale',
    'l2_norm',
    'literal_dpgc',
    'literal_scale',
    'sign_product',
]

__getattr__ = moved('surge', dict(DPGC='from surge_mmdet.surge import dpgc'))
