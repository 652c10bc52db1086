"""Overrides of a config: by ``--cfg-options``, and by variables of the environment."""

import os
import re
from collections.abc import Sequence

from .errors import misspelt

# Least similarity to count as a slip. A config's own names are few and known;
# inside, options such as clip_grad and clip_aux_grad may well stand side by side.
TOP, INSIDE = 0.75, 0.88
APART = ('tta_pipeline', 'tta_model')  # near test_pipeline, and another thing
DELETE = '._delete_'
WORDS = ('auto', 'dynamic')  # which some options take beside a number
FREE = 'custom_keys'  # its keys are names of parameters


def read_config(path: str):
    """The config of a file, with the variables of the environment that it names.

    Args:
        path (str): Of the file.

    Returns:
        Config: As MMEngine reads it.

    Raises:
        ValueError: If one of them has no value; the text shows the corrected line.
    """
    from mmengine.config import Config

    try:
        return Config.fromfile(path)
    except KeyError as error:
        require_variable(error)
        raise


def require_variable(error: KeyError) -> None:
    """Say what to write where MMEngine finds no value for ``{{$NAME:default}}``.

    Args:
        error (KeyError): Of the reading; any other one is let by.

    Raises:
        ValueError: The text shows the corrected line.
    """
    found = re.match(r"['\"]+`(\w+)` cannot be found in `os.environ`", str(error))
    if not found:
        return
    name = found[1]
    if name in os.environ:
        what = 'is set, but empty'
        other = f'If the config has a default for it, unset {name} will do.'
    else:
        what, other = 'is not set, and the config has no default for it', ''
    raise ValueError(f'{name} {what}. Write export {name}=VALUE. {other}'.strip()) from error


def merge_options(cfg, options: dict, name: str = '--cfg-options') -> None:
    """Merge overrides into a config; a new key that is nearly one that is there is refused.

    Args:
        cfg (Config): Changed in place.
        options (dict): Keys such as ``train_cfg.max_epochs``, and their values.
        name (str): Where they were written.

    Raises:
        ValueError: The text shows the corrected line.
    """
    replaced = tuple(path.removesuffix(DELETE) + '.' for path in options if path.endswith(DELETE))
    for path, value in options.items():
        if path.startswith(replaced):
            continue
        _require_spelling(dict(cfg.items()), path.split('.'), value, name)
    cfg.merge_from_dict(options)


def _require_spelling(
    node: object, keys: list, value: object, name: str, above: tuple = ()
) -> None:
    """Follow ``keys``, and then those of ``value``, as far as the config has them."""
    if above and above[-1] == FREE:
        return
    if not keys:
        if not isinstance(value, dict):
            _require_number(node, value, name, above)
        elif not _replaces(node, value):
            for key in value:
                _require_spelling(node, [key], value[key], name, above)
        return
    key, rest = keys[0], keys[1:]
    if isinstance(node, (list, tuple)):
        _require_element(node, keys, value, name, above)
        node = {str(place): each for place, each in enumerate(node)}
    elif isinstance(node, dict):
        _require_key(node, keys, name, above)
    else:
        _refuse_inside(node, keys, value, name, above)
    if key in node:
        _require_spelling(node[key], rest, value, name, (*above, key))


def _require_key(node: dict, keys: list, name: str, above: tuple) -> None:
    known = [key for key in node if key != '_delete_']
    meant = None if keys[0] in APART else misspelt(keys[:1], known, INSIDE if above else TOP)
    if meant:
        right = '.'.join((*above, meant[keys[0]], *keys[1:]))
        raise ValueError(
            f'{name} {".".join((*above, *keys))}: the config has no {keys[0]!r} there, but '
            f'{meant[keys[0]]!r}. Write {right}=...'
        )


def _require_number(node: object, value: object, name: str, above: tuple) -> None:
    """Text in the place of a number is a slip, such as ``one`` or ``3e-3x``."""
    number = isinstance(node, (int, float)) and not isinstance(node, bool)
    if isinstance(value, str) and number and value not in WORDS:
        path = '.'.join(above)
        raise ValueError(
            f'{name} {path}={value}: {value!r} is no number, and the config has {node} there. '
            f'Write {path}={node}'
        )


def _require_element(node: Sequence, keys: list, value: object, name: str, above: tuple) -> None:
    """Into a list only dicts can be merged, at a place that it has."""
    path = '.'.join(above)
    if keys[0] not in map(str, range(len(node))):
        raise ValueError(
            f'{name} {".".join((*above, *keys))}: {path} is a list of {len(node)}. '
            f'Write {path}.0' + ''.join(f'.{key}' for key in keys[1:]) + '=...'
        )
    if not isinstance(node[int(keys[0])], dict) or not (keys[1:] or isinstance(value, dict)):
        raise ValueError(
            f'{name} {".".join((*above, *keys))}: one element of a list cannot be set by itself. '
            f'Write {path}=[...], with all {len(node)}.'
        )


def _refuse_inside(node: object, keys: list, value: object, name: str, above: tuple) -> None:
    """A value that is no dict can only be replaced by one."""
    path = '.'.join(above)
    raise ValueError(
        f'{name} {".".join((*above, *keys))}: the config has {path}={node!r}, which has no options '
        f'inside. To replace it write {path}._delete_=True {".".join((*above, *keys))}={value}'
    )


def _replaces(node: object, value: dict) -> bool:
    """Whether a dict takes the place of what is there: its keys are those of another type."""
    if value.get('_delete_'):
        return True
    return isinstance(node, dict) and value.get('type', node.get('type')) != node.get('type')
