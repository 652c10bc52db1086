"""Methods in the step benchmarks: one binary model, trained otherwise.

All come from one config or layer, so that they differ in nothing else. Beside
the list of methods there are ``ste-autograd`` and ``literal``, which need
layers of another form, ``surge`` with any option, and ``config``, which
changes nothing.
"""

import ast
from dataclasses import replace
from types import MappingProxyType
from typing import Optional

from torch import nn

from ...convert import swap
from ...errors import nearest
from ...layers import BinaryLayer
from ...methods import METHODS, Method, find_method
from ...surge import SurgeConfig
from .forms import AUTOGRAD, LITERAL

EXAMPLE = '--methods fp32 ste literal surge surge:branch=tied'
CONFIG = 'configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'
FORMS = MappingProxyType({'ste-autograd': AUTOGRAD, 'literal': LITERAL})
_STE, _SURGE = METHODS['ste'], METHODS['surge']
OTHERS = MappingProxyType(
    {
        'ste-autograd': replace(_STE, name='ste-autograd', label='STE, autograd'),
        'literal': replace(
            _SURGE,
            name='literal',
            label='SURGE, literal',
            layer=dict(surge=dict(branch='full', dtype=None)),
        ),
        'config': Method('config', 'config', {}, 'the config as it is'),
    }
)


def parse_method(text: str) -> Method:
    """A method from its name, or from ``surge:KEY=VALUE,KEY=VALUE``.

    What it states of SURGE is what it changes: the strength is the config's.

    Raises:
        ValueError, TypeError: The text shows the corrected line.

    Examples:
        >>> parse_method('surge:branch=tied,dtype=bfloat16').label
        'SURGE, branch=tied, dtype=bfloat16'
        >>> parse_method('fp32').label
        'FP32'
    """
    word, colon, rest = text.partition(':')
    method = OTHERS.get(word) or _beside_surge(_find(text, word))
    if not colon:
        return method
    if method.name != _SURGE.name:
        raise ValueError(
            f'method {text!r}: only surge has options. Write --methods {method.name} surge:{rest}'
        )
    options = dict(_option(text, part) for part in rest.split(','))
    _check(text, options)
    label = ', '.join([method.label, *(f'{key}={value}' for key, value in options.items())])
    return replace(method, name=text, label=label, layer=dict(surge=options))


def _find(text: str, word: str) -> Method:
    try:
        return find_method(word)
    except ValueError:
        known = [*METHODS, *OTHERS]
        raise ValueError(
            f'method {text!r}: unknown {word!r}; known are {", ".join(known)}. Write --methods '
            f'{nearest(word.lower(), ["surge", *known], 0.3)}, or all of {EXAMPLE}'
        ) from None


def _option(text: str, part: str) -> tuple:
    key, equals, value = part.partition('=')
    if not (key and equals and value):
        raise ValueError(
            f'method {text!r}: {part!r} is no option. Write '
            '--methods surge:branch=tied,dtype=bfloat16'
        )
    try:
        return key, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return key, value  # a word


def _check(text: str, options: dict) -> None:
    try:
        SurgeConfig.parse(options)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f'method {text!r}: {error} Here: --methods surge:KEY=VALUE,KEY=VALUE'
        ) from error


def _beside_surge(method: Method) -> Method:
    """The method without what it shares with SURGE, which is the config's."""
    if not method.has_surge:
        return method
    shared = _SURGE.layer['surge']
    own = {key: value for key, value in method.layer['surge'].items() if key not in shared}
    return replace(method, layer={**method.layer, 'surge': own})


def train_by(model: nn.Module, method: Method) -> nn.Module:
    """Let the binary layers of ``model`` train by ``method``.

    The layers are swapped for twins that share their Parameters. Options of
    SURGE come on top of those of each layer, and a layer without SURGE gets
    none by them.

    Args:
        model (nn.Module): Changed in place; a single layer has to be in a
            module, such as nn.Sequential.
        method (Method): As :func:`parse_method` gives it.

    Raises:
        ValueError: If the model has no layer that could be changed.
    """
    if method.name == 'config':
        return model
    layers = [module for module in model.modules() if isinstance(module, BinaryLayer)]
    if not layers:
        raise ValueError(
            f'{method.label}: the model has no binary layer. Name a config with one, such as '
            f'{CONFIG}, or write --methods config'
        )
    if method.has_surge and not any(layer.compensated for layer in layers):
        raise ValueError(
            f'{method.label}: no layer of the model has SURGE. Name its surge config (ste and '
            'fp32 are made from it), or write policy=dict(layer=dict(surge=dict(eta=0.1)))'
        )
    swap(
        model, lambda _, module: _twin(module, method) if isinstance(module, BinaryLayer) else None
    )
    return model


def _twin(layer: BinaryLayer, method: Method) -> nn.Module:
    if method.layer is None:
        return layer.to_float()
    surge = _surge(layer.options['surge'], method.layer['surge'])
    options = {**layer.options, **method.policy()['layer'], 'surge': surge}
    forms = FORMS.get(method.name, {})
    kind = next((form for base, form in forms.items() if isinstance(layer, base)), type(layer))
    return kind.from_float(layer, **options)


def _surge(own: Optional[dict], stated: Optional[dict]) -> Optional[dict]:
    if own is None or stated is None:
        return None
    return {**own, **stated}
