"""Activation binarizers with their surrogate gradients, and weight rules.

One method per file in ``activations/`` and ``weights/``, pure tensor code;
only this file registers them.
"""

from ..errors import moved
from ..registry import BINARIZERS
from .activations.adabin import AdaBin
from .activations.rsign import RSign
from .activations.sign_distribution_loss import SignDistributionLoss
from .activations.sign_dsq import SignDSQ
from .activations.sign_ede import SignEDE
from .activations.sign_ewgs import SignEWGS
from .activations.sign_identity import SignIdentity
from .activations.sign_lsq import SignLSQ
from .activations.sign_polynomial import SignPolynomial
from .activations.sign_rbnn import SignRBNN
from .activations.sign_reste import SignReSTE
from .activations.sign_sine import SignSine
from .activations.sign_ste import SignSTE
from .activations.sign_swish import SignSwish
from .activations.ternary import Ternary
from .base import ActivationBinarizer, Binarizer, WeightBinarizer
from .build import build_activation, build_weight_rule
from .fused import binary_sign, pass_within
from .slope_activation import SlopeActivation
from .weights.adabin_weight import AdaBinWeight
from .weights.biper import BiPer
from .weights.bonn import BONN
from .weights.channel_mean import ChannelMean
from .weights.layer_mean import LayerMean
from .weights.learnable_scale import LearnableScale
from .weights.libra import Libra
from .weights.magnitude_aware import MagnitudeAware
from .weights.ovsw import OvSW
from .weights.rbnn import RBNN
from .weights.rbonn import RBONN
from .weights.real_weight import RealWeight
from .weights.recu import ReCU
from .weights.slb import SLB
from .weights.xnor import XNOR

ACTIVATIONS = (
    SignSTE,
    SignIdentity,
    SignPolynomial,
    SignEDE,
    SignRBNN,
    SignReSTE,
    SignDSQ,
    SignSwish,
    SignSine,
    SignEWGS,
    SignDistributionLoss,
    RSign,
    SignLSQ,
    AdaBin,
    Ternary,
)
WEIGHT_RULES = (
    LayerMean,
    ChannelMean,
    XNOR,
    MagnitudeAware,
    LearnableScale,
    Libra,
    ReCU,
    OvSW,
    RBNN,
    RBONN,
    BONN,
    SLB,
    BiPer,
    AdaBinWeight,
    RealWeight,
)
for _method in (*ACTIVATIONS, *WEIGHT_RULES):
    BINARIZERS.register_module(module=_method)

__all__ = [
    'ACTIVATIONS',
    'ActivationBinarizer',
    'AdaBin',
    'AdaBinWeight',
    'BONN',
    'BiPer',
    'Binarizer',
    'ChannelMean',
    'LayerMean',
    'LearnableScale',
    'Libra',
    'MagnitudeAware',
    'OvSW',
    'RBNN',
    'RBONN',
    'RSign',
    'ReCU',
    'RealWeight',
    'SLB',
    'SignDSQ',
    'SignDistributionLoss',
    'SignEDE',
    'SignEWGS',
    'SignIdentity',
    'SignLSQ',
    'SignPolynomial',
    'SignRBNN',
    'SignReSTE',
    'SignSTE',
    'SignSine',
    'SignSwish',
    'SlopeActivation',
    'Ternary',
    'WEIGHT_RULES',
    'WeightBinarizer',
    'XNOR',
    'binary_sign',
    'build_activation',
    'build_weight_rule',
    'pass_within',
]

__getattr__ = moved(
    'binarizers', dict(WeightScale='from surge_mmdet.binarizers import WeightBinarizer')
)
