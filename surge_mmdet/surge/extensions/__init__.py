"""What goes beyond the paper: branches, combinations, running norms. Ours."""

from ...registry import BRANCHES, COMBINATIONS, SCALERS
from .branches import Depthwise, LowRank, Pointwise, Tied
from .combinations import norm_preserving
from .running_norms import RunningNormScaler, close_steps, running_scalers

SCALERS.register_module('running', module=RunningNormScaler)
COMBINATIONS.register_module('norm_preserving', module=norm_preserving)
for _name, _branch in (
    ('tied', Tied),
    ('pointwise', Pointwise),
    ('depthwise', Depthwise),
    ('lowrank', LowRank),
):
    BRANCHES.register_module(_name, module=_branch)

__all__ = [
    'Depthwise',
    'LowRank',
    'Pointwise',
    'RunningNormScaler',
    'Tied',
    'close_steps',
    'norm_preserving',
    'running_scalers',
]
