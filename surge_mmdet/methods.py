"""The one list of named ways to train a binary network.

Benchmarks, studies, the fidelity tool, the configs' tests and the documents
read it, so that a method means the same options and has the same label
everywhere. It is pure data: nothing of it is built here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Optional

from .errors import nearest, unknown

OURS = 'this package; not part of the paper'
STRENGTH = 0.1  # SURGE's eta where nobody says; the paper does not (docs/design/0011-eta.md)


def has_surge(layer: Optional[Mapping]) -> bool:
    """Whether layers with these options train with SURGE, which they do by default.

    Args:
        layer (Mapping | None): As in ``policy=dict(layer=...)``; None for
            layers that stay real.
    """
    return layer is not None and layer.get('surge', True) is not None


def _read_only(value):
    if isinstance(value, Mapping):
        return MappingProxyType({key: _read_only(each) for key, each in value.items()})
    return value


def _plain(value):
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value


@dataclass(frozen=True)
class Method:
    """A way to train the layers of a network that could be binary.

    Args:
        name (str): What commands and plans call it.
        label (str): What tables call it.
        layer (Mapping | None): Options of the binary layers, as in
            ``policy=dict(layer=...)``; None leaves every layer real. It
            becomes read-only: the options to build from are those of
            :meth:`policy`.
        reference (str): Where it comes from.
        aliases (tuple): Other names for it, such as the word in the names of
            configs.

    Examples:
        >>> METHODS['ste'].policy()
        {'layer': {'surge': None}}
        >>> METHODS['fp32'].policy() is None
        True
    """

    name: str
    label: str
    layer: Optional[Mapping]
    reference: str
    aliases: tuple = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, 'layer', _read_only(self.layer))

    def __hash__(self) -> int:
        return hash((self.name, self.label))

    def __reduce__(self) -> tuple:  # a read-only mapping can be neither copied nor pickled
        return type(self), (self.name, self.label, _plain(self.layer), self.reference, self.aliases)

    @property
    def has_surge(self) -> bool:
        """Whether its layers train with SURGE."""
        return has_surge(self.layer)

    def policy(self) -> Optional[dict]:
        """The policy of a model whose layers train so, for the caller to change."""
        return None if self.layer is None else dict(layer=_plain(self.layer))


def _surge(name: str, label: str, reference: str = OURS, aliases: tuple = (), **changes) -> Method:
    """SURGE with other options; ``activation`` belongs to the layer."""
    beside = {key: changes.pop(key) for key in ('activation',) if key in changes}
    return Method(
        name, label, dict(surge=dict(eta=STRENGTH, **changes), **beside), reference, aliases
    )


def _plain_method(name: str, reference: str, label: str = '', aliases: tuple = (), **layer):
    """A method without SURGE; ``layer`` names types of binarizers."""
    options = {key: dict(type=kind) for key, kind in layer.items()}
    return Method(name, label or name, dict(surge=None, **options), reference, aliases)


def _beside_surge(method: Method) -> Method:
    """The same binarizers with SURGE on top."""
    words = tuple(f'surge-{word}' for word in (method.name, *method.aliases))
    return Method(
        f'{method.name}-surge',
        f'{method.label} + SURGE',
        {**_plain(method.layer), 'surge': dict(eta=STRENGTH)},
        f'{method.reference}; {_SURGE}',
        words,
    )


_POLYNOMIAL = dict(type='SignPolynomial')
_SURGE = 'SURGE, arXiv 2605.10989'
_BI_REAL = 'Bi-Real Net, Liu et al., ECCV 2018, arXiv 1808.00278'
_IR_NET = 'IR-Net, Qin et al., CVPR 2020, arXiv 1909.10788'
_ADABIN = 'AdaBin, Tu et al., ECCV 2022, arXiv 2208.08084'
_RBNN = 'RBNN, Lin et al., NeurIPS 2020, arXiv 2009.13055'
_RECU = 'weight rule of ReCU, Xu et al., ICCV 2021, arXiv 2103.12369, without its activations'

# The field's methods: each stands in the list alone and with SURGE on top.
_FIELD = (
    _plain_method('polynomial', _BI_REAL, activation='SignPolynomial'),
    _plain_method(
        'identity',
        'straight-through estimator, Bengio et al., arXiv 1308.3432',
        activation='SignIdentity',
    ),
    _plain_method(
        'bi-real',
        _BI_REAL,
        'Bi-Real Net',
        activation='SignPolynomial',
        weight_rule='MagnitudeAware',
    ),
    _plain_method('ede', _IR_NET, 'EDE', activation='SignEDE'),
    _plain_method('ir-net', _IR_NET, 'IR-Net', activation='SignEDE', weight_rule='Libra'),
    _plain_method('rbnn-slope', _RBNN, 'RBNN slope', activation='SignRBNN'),
    _plain_method(
        'reste', 'ReSTE, Wu et al., ICCV 2023, arXiv 2308.06689', 'ReSTE', activation='SignReSTE'
    ),
    _plain_method(
        'dsq', 'DSQ, Gong et al., ICCV 2019, arXiv 1908.05033', 'DSQ', activation='SignDSQ'
    ),
    _plain_method(
        'sign-swish', 'BNN+, Darabi et al., arXiv 1812.11800', 'SignSwish', activation='SignSwish'
    ),
    _plain_method(
        'sine', 'FDA-BNN, Xu et al., NeurIPS 2021, arXiv 2103.00841', activation='SignSine'
    ),
    _plain_method(
        'ewgs', 'EWGS, Lee et al., CVPR 2021, arXiv 2104.00903', 'EWGS', activation='SignEWGS'
    ),
    _plain_method(
        'rsign', 'ReActNet, Liu et al., ECCV 2020, arXiv 2003.03488', 'RSign', activation='RSign'
    ),
    _plain_method(
        'lsq', 'LSQ, Esser et al., ICLR 2020, arXiv 1902.08153', 'LSQ', activation='SignLSQ'
    ),
    _plain_method('adabin-activation', _ADABIN, 'AdaBin activation', activation='AdaBin'),
    _plain_method('recu', _RECU, 'ReCU', activation='SignPolynomial', weight_rule='ReCU'),
    _plain_method(
        'dorefa', 'DoReFa-Net, Zhou et al., arXiv 1606.06160', 'DoReFa', weight_rule='LayerMean'
    ),
    _plain_method(
        'xnor',
        'XNOR-Net, Rastegari et al., ECCV 2016, arXiv 1603.05279',
        'XNOR-Net gradient',
        weight_rule='XNOR',
    ),
    _plain_method(
        'learnable-scale',
        'XNOR-Net++, Bulat & Tzimiropoulos, BMVC 2019, arXiv 1909.13863',
        'learnable scale',
        weight_rule='LearnableScale',
    ),
    _plain_method(
        'ovsw',
        'OvSW, Xiang et al., ECCV 2024, arXiv 2407.05257',
        'OvSW',
        activation='SignPolynomial',
        weight_rule='OvSW',
    ),
    _plain_method(
        'distribution-loss',
        'distribution loss, Ding et al., CVPR 2019, arXiv 1904.02823',
        'distribution loss',
        activation='SignDistributionLoss',
    ),
    _plain_method('rbnn', _RBNN, 'RBNN', activation='SignRBNN', weight_rule='RBNN'),
    _plain_method(
        'rbonn',
        'RBONN, Xu et al., ECCV 2022, arXiv 2209.01542',
        'RBONN',
        activation='SignPolynomial',
        weight_rule='RBONN',
    ),
    _plain_method(
        'bonn', 'BONN, Gu et al., ICCV 2019, arXiv 1908.06314', 'BONN', weight_rule='BONN'
    ),
    _plain_method(
        'slb', 'SLB, Yang et al., NeurIPS 2020, arXiv 2009.08695', 'SLB', weight_rule='SLB'
    ),
    _plain_method(
        'biper',
        'BiPer, Vargas et al., CVPR 2024, arXiv 2404.01278',
        'BiPer',
        activation='SignPolynomial',
        weight_rule='BiPer',
    ),
    _plain_method('adabin', _ADABIN, 'AdaBin', activation='AdaBin', weight_rule='AdaBinWeight'),
    _plain_method('tbn', 'TBN, Wan et al., ECCV 2018', 'TBN (2-bit input)', activation='Ternary'),
)

METHODS = MappingProxyType(
    {
        method.name: method
        for method in (
            Method('fp32', 'FP32', None, 'the same structure with every layer real'),
            Method(
                'ste',
                'STE',
                dict(surge=None),
                'clipped straight-through estimator, Binarized Neural Networks, '
                'Hubara et al., NeurIPS 2016, arXiv 1602.02830',
            ),
            _surge('surge', 'SURGE', _SURGE),
            *_FIELD,
            *map(_beside_surge, _FIELD),
            _surge('tied', 'tied', branch='tied'),
            _surge('norm-preserving', 'norm-preserving', combine='norm_preserving'),
            _surge(
                'polynomial-norm-preserving',
                'polynomial + norm-preserving',
                combine='norm_preserving',
                activation=_POLYNOMIAL,
            ),
            _surge('bfloat16', 'bfloat16', dtype='bfloat16'),
            _surge('pointwise', 'pointwise', branch='pointwise'),
            _surge('depthwise', 'depthwise', branch='depthwise'),
            _surge('lowrank', 'lowrank', branch='lowrank'),
        )
    }
)


def find_method(word: str) -> Method:
    """The method of this name, alias or label.

    Args:
        word (str): As a user writes it in a plan or a command.

    Raises:
        ValueError: For an unknown word; the text shows the nearest name.

    Examples:
        >>> find_method('polynomial + SURGE').name
        'polynomial-surge'
    """
    words = {
        known: method
        for method in METHODS.values()
        for known in (method.name, method.label, *method.aliases)
    }
    if isinstance(word, str) and word in words:
        return words[word]
    raise unknown('method', word, METHODS, repr(words[nearest(word, words)].name))
