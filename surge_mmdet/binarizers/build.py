"""Building binarizers from config, with errors that show the corrected line."""

import inspect
from typing import Any

from ..errors import unknown
from ..registry import BINARIZERS
from .base import ActivationBinarizer, WeightBinarizer


def build_activation(cfg: dict, channels: int) -> ActivationBinarizer:
    """Activation binarizer from ``dict(type='SignSTE', ...)``.

    Args:
        cfg (dict): ``type`` and the options of the binarizer.
        channels (int): Input channels, for binarizers that learn per channel.

    Raises:
        TypeError, ValueError: The text shows the corrected line.
    """
    return _build(cfg, 'activation', 'SignSTE', ActivationBinarizer, channels=channels)


def build_weight_rule(cfg: dict, shape: tuple) -> WeightBinarizer:
    """Weight rule from ``dict(type='ChannelMean', ...)``.

    Args:
        cfg (dict): ``type`` and the options of the rule.
        shape (tuple): Of the weight, the output channels first, for rules
            that learn per channel or keep a value for each weight.

    Raises:
        TypeError, ValueError: The text shows the corrected line.
    """
    sizes = dict(channels=shape[0], shape=tuple(shape))
    return _build(cfg, 'weight_rule', 'ChannelMean', WeightBinarizer, **sizes)


def _build(cfg: dict, key: str, example: str, base: type, **sizes) -> Any:
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise TypeError(
            f"{key} must be a dict with a type, got {cfg!r}. Write {key}=dict(type='{example}')."
        )
    kind = _find(cfg['type'], key, base, example)
    options = {name: value for name, value in cfg.items() if name != 'type'}
    taken = inspect.signature(kind).parameters
    options = {**{name: size for name, size in sizes.items() if name in taken}, **options}
    try:
        return kind(**options)
    except TypeError as error:
        raise TypeError(
            f'{key}: {cfg!r} cannot be built: {error}. Write {key}=dict(type={kind.__name__!r}).'
        ) from error


def _find(name, key: str, base: type, example: str) -> type:
    found = BINARIZERS.get(name) if isinstance(name, str) else name
    if isinstance(found, type) and issubclass(found, base):
        return found
    line = key + "=dict(type='{}')"
    if isinstance(found, type):  # of the other kind: no slip of the pen
        raise ValueError(
            f'{key}: type: {name!r} is no {base.__name__}. Write {line.format(example)}.'
        )
    known = [n for n, kind in BINARIZERS.module_dict.items() if issubclass(kind, base)]
    known.sort(key=lambda n: (n != example, n))
    raise unknown(f'{key}: type', name, known, line)
