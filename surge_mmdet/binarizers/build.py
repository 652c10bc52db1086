"""Building binarizers and weight rules from config, with helpful errors."""

from difflib import get_close_matches

from ..registry import BINARIZERS, WEIGHT_SCALES, Registry


def _build(registry: Registry, cfg: dict, key: str, example: str):
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise TypeError(
            f"{key} must be a dict with a type, got {cfg!r}. Write {key}=dict(type='{example}')."
        )
    options = dict(cfg)
    name = options.pop('type')
    found = registry.get(name) if isinstance(name, str) else name
    if not callable(found):
        known = sorted(registry.module_dict)
        guess = (get_close_matches(str(name), known, 1, 0.3) or [example])[0]
        raise ValueError(
            f'{key}: unknown type {name!r}; known are {", ".join(known)}. '
            f"Write {key}=dict(type='{guess}')."
        )
    try:
        return found(**options)
    except TypeError as error:
        raise TypeError(
            f"{key}: {cfg!r} cannot be built: {error}. Write {key}=dict(type='{example}')."
        ) from error


def build_activation(cfg: dict):
    """Activation binarizer from ``dict(type='SignSTE', ...)``."""
    return _build(BINARIZERS, cfg, 'activation', 'SignSTE')


def build_weight_scale(cfg: dict):
    """Weight rule from ``dict(type='ChannelMean', ...)``."""
    return _build(WEIGHT_SCALES, cfg, 'weight_scale', 'ChannelMean')
