"""How each binary layer is binary, as plain data in a checkpoint.

Every option stands there with its default filled in, so that a resume under
any other option is seen, and so that a default may change between releases.
"""

import inspect
from collections.abc import Mapping
from dataclasses import asdict

from torch import nn

from ...surge import SurgeConfig
from ..layer_access import binary_layers

# What the forward pass depends on; a test need not train as the training did.
FORWARD = ('type', 'activation', 'weight_rule')
SIMPLE = (str, int, float, bool, type(None))


def methods_of(model: nn.Module) -> dict:
    """Name to record of every binary layer of ``model``."""
    return {name: method_of(layer) for name, layer in binary_layers(model).items()}


def method_of(layer) -> dict:
    """The record of one layer: its type, its binarizers, SURGE.

    Args:
        layer (BinaryLayer): As built.
    """
    return dict(
        type=type(layer).__name__,
        activation=_binarizer(layer.activation, layer.options['activation']),
        weight_rule=_binarizer(layer.weight_rule, layer.options['weight_rule']),
        surge=_plain(asdict(layer.surge)) if layer.compensated else None,
    )


def _binarizer(built: nn.Module, cfg: Mapping) -> dict:
    """Type and options of a binarizer, those too that the config leaves out."""
    given = {key: value for key, value in cfg.items() if key != 'type'}
    options = {**_defaults(type(built)), **given}
    return dict(type=type(built).__name__, **_plain(options))


def _defaults(kind: type) -> dict:
    parameters = inspect.signature(kind).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _plain(value: object) -> object:
    """What ``torch.load(weights_only=True)`` takes, and what compares equal."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, SIMPLE):
        return value
    return getattr(value, '__qualname__', None) or repr(value)


def changes(model: nn.Module, saved: Mapping, forward_only: bool = False) -> dict:
    """What is another method now, and in which layers.

    Args:
        model (nn.Module): As it is now.
        saved (Mapping): :func:`methods_of` when the checkpoint was written.
            Release 0.2 and before recorded a word for each layer.
        forward_only (bool): Leave out what only a training depends on.

    Returns:
        dict[str, list[str]]: A change, such as ``surge.eta was 0.3 and is
        3.0``, to the names of the layers.
    """
    now, found = methods_of(model), {}
    layers = binary_layers(model)
    for name in {**saved, **now}:
        old, new = saved.get(name, 'real'), now.get(name, 'real')
        if isinstance(old, str) or isinstance(new, str):
            old, new = _word(old), _word(new)
            said = [f'was {old} and is {new}'] if old != new else []
        else:
            said = _option_changes(_filled(old, layers[name]), new, forward_only)
        for change in said:
            found.setdefault(change, []).append(name)
    return found


def _word(method: object) -> str:
    """A record as release 0.2 wrote it: classes only."""
    if isinstance(method, str):
        return method
    return f'{method["type"]}({method["activation"]["type"]}, {method["weight_rule"]["type"]})'


def _filled(old: Mapping, layer) -> dict:
    """An older record with the defaults of options that came since."""
    filled = dict(old)
    for key, built in (('activation', layer.activation), ('weight_rule', layer.weight_rule)):
        if old[key]['type'] == type(built).__name__:
            filled[key] = {**_plain(_defaults(type(built))), **old[key]}
    if old['surge'] is not None:
        filled['surge'] = {**_plain(asdict(SurgeConfig())), **old['surge']}
    return filled


def _option_changes(old: Mapping, new: Mapping, forward_only: bool) -> list:
    found = []
    for part in FORWARD if forward_only else new:
        before, after = old.get(part), new[part]
        if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
            before, after, start = {part: before}, {part: after}, ''
        else:
            start = f'{part}.'
        if before.get('type') != after.get('type'):
            keys = ['type']  # its options follow
        else:
            keys = {**before, **after}
        found += [
            f'{start}{key} was {before.get(key)!r} and is {after.get(key)!r}'
            for key in keys
            if before.get(key) != after.get(key)
        ]
    return found
