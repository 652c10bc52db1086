"""Sign functions with their surrogate gradients, and weight rules.

The files of this folder are pure tensor code; only this one registers them.
"""

from ..registry import BINARIZERS, WEIGHT_SCALES
from .channel_mean import ChannelMean
from .real_weight import RealWeight
from .sign import ActivationBinarizer, binary_sign, pass_within
from .sign_polynomial import SignPolynomial
from .sign_ste import SignSTE
from .weight_scale import WeightScale

for _binarizer in (SignSTE, SignPolynomial):
    BINARIZERS.register_module(module=_binarizer)
for _scale in (ChannelMean, RealWeight):
    WEIGHT_SCALES.register_module(module=_scale)

__all__ = [
    'ActivationBinarizer',
    'ChannelMean',
    'RealWeight',
    'SignPolynomial',
    'SignSTE',
    'WeightScale',
    'binary_sign',
    'pass_within',
]
