"""Activation binarizers with their surrogate gradients, and weight rules.

One method per file in ``activations/`` and ``weights/``, pure tensor code;
only this file registers them.
"""

from ..registry import BINARIZERS
from .activations.sign_polynomial import SignPolynomial
from .activations.sign_ste import SignSTE
from .base import ActivationBinarizer, Binarizer, WeightBinarizer
from .build import build_activation, build_weight_rule
from .fused import binary_sign, pass_within
from .weights.channel_mean import ChannelMean
from .weights.real_weight import RealWeight

for _method in (SignSTE, SignPolynomial, ChannelMean, RealWeight):
    BINARIZERS.register_module(module=_method)

__all__ = [
    'ActivationBinarizer',
    'Binarizer',
    'ChannelMean',
    'RealWeight',
    'SignPolynomial',
    'SignSTE',
    'WeightBinarizer',
    'binary_sign',
    'build_activation',
    'build_weight_rule',
    'pass_within',
]
