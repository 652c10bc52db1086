"""Overrides of a config: by ``--cfg-options``, and by variables of the environment."""

import os
import re
import shlex
from collections.abc import Sequence
from contextlib import suppress

from .errors import misspelt

# Least similarity to count as a slip. A config's own names are few and known;
# inside, options such as clip_grad and clip_aux_grad may well stand side by side.
TOP, INSIDE = 0.75, 0.88
APART = ('tta_pipeline', 'tta_model')  # near test_pipeline, and another thing
COMMAND = '--cfg-options'
DELETE = '_delete_'
NUMBERS = 'zero one two three four five six seven eight nine ten'.split()
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


def merge_options(cfg, options: dict, name: str = COMMAND) -> None:
    """Merge overrides into a config, as MMEngine does, unless they can only be a mistake.

    That is a new key that is nearly one that is there, text such as ``one`` or ``3e-3x``
    in the place of a number, and what MMEngine cannot merge: keys inside of a value that
    is no dict, and single elements of a list.

    Args:
        cfg (Config): Changed in place.
        options (dict): Keys such as ``train_cfg.max_epochs``, and their values.
        name (str): Where they were written.

    Raises:
        ValueError: The text shows the corrected line.
    """
    nested = _nested(options)
    _check(dict(cfg.items()), nested, name, ())
    cfg.merge_from_dict(nested)  # which would put some of them into each other


def _nested(options: dict) -> dict:
    """The options as dicts in each other; those that are given are left as they are."""
    found: dict = {}
    for path, value in options.items():
        *above, last = path.split('.')
        place = found
        for key in above:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ValueError(f'{path} is inside of another option that is no dict.')
        place[last] = _copied(value)
    return found


def _copied(value: object) -> object:
    """Dicts are copied, since further options may go into them."""
    return {k: _copied(v) for k, v in value.items()} if isinstance(value, dict) else value


def _check(node: object, given: dict, name: str, above: tuple) -> None:
    """Hold a dict of options against the dict or list into which they are merged."""
    if above and above[-1] == FREE:
        return
    if isinstance(node, (list, tuple)):
        _require_elements(node, given, name, above)
        node = {str(place): each for place, each in enumerate(node)}
    elif _replaces(node, given):
        return
    for key, value in given.items():
        path = (*above, key)
        if key == DELETE:
            continue
        if key not in node:
            _require_key(node, key, value, name, above)
        elif not isinstance(value, dict):
            _require_number(node[key], value, name, path)
        elif isinstance(node[key], (dict, list, tuple)):
            _check(node[key], value, name, path)
        elif not value.get(DELETE):
            _refuse_inside(node[key], value, name, path)


def _replaces(node: dict, given: dict) -> bool:
    """Whether a dict takes the place of what is there: its keys are those of another type."""
    return bool(given.get(DELETE)) or given.get('type', node.get('type')) != node.get('type')


def _require_key(node: dict, key: str, value: object, name: str, above: tuple) -> None:
    known = [each for each in node if each != DELETE]
    meant = None if key in APART else misspelt([key], known, INSIDE if above else TOP)
    if meant:
        inside = _first_leaf(value)
        raise ValueError(
            f'{name} {".".join((*above, key, *inside))}: the config has no {key!r} there, but '
            f'{meant[key]!r}. Write {".".join((*above, meant[key], *inside))}=...'
        )


def _require_number(node: object, value: object, name: str, path: tuple) -> None:
    if not isinstance(value, str) or not isinstance(node, (int, float)) or isinstance(node, bool):
        return
    if value.lower() in NUMBERS or re.match(r'[-+.]?\d', value):
        place, right = '.'.join(path), _number(value, node)
        line = f'{place}={right}' if name == COMMAND else f'{place!r}: {right}'
        raise ValueError(
            f'{name} {place}={value}: {value!r} is no number, and the config has {node} there. '
            f'Write {line}'
        )


def _number(text: str, other: float) -> float:
    """The number that a text has; another one if it has none."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return other


def _require_elements(node: Sequence, given: dict, name: str, above: tuple) -> None:
    """Into a list only dicts can be merged, at a place that it has."""
    path = '.'.join(above)
    for key, value in given.items():
        dicts = [place for place, each in enumerate(node) if isinstance(each, dict)]
        told = f'{name} {".".join((*above, key, *_first_leaf(value)))}'
        if isinstance(node, tuple) or not dicts or (key.isdigit() and not isinstance(value, dict)):
            raise ValueError(
                f'{told}: one element of a list cannot be set by itself. Write {path}=[...], the '
                f'whole list, which has {len(node)} now.'
            )
        if not key.isdigit() or int(key) not in dicts:
            right = (*above, str(dicts[0]), *(() if key.isdigit() else (key,)), *_first_leaf(value))
            raise ValueError(
                f'{told}: {path} is a list of {len(node)}. Write {".".join(right)}=...'
            )


def _refuse_inside(node: object, value: dict, name: str, path: tuple) -> None:
    """What is no dict can only be replaced by one."""
    place = '.'.join(path)
    if name == COMMAND:
        words = [f'{place}.{DELETE}=True', *(f'{place}.{k}={v}' for k, v in _leaves(value))]
        right = ' '.join(shlex.quote(word) for word in words)
    else:
        right = f'{place!r}: {dict({DELETE: True}, **value)}'
    raise ValueError(
        f'{name} {".".join((*path, *_first_leaf(value)))}: the config has {place}={node!r}, which '
        f'has no options inside. To put a dict in its place write {right}'
    )


def _leaves(value: dict) -> list:
    """Each option with its name behind the dict's, and its value."""
    found = []
    for key, each in value.items():
        inside = _leaves(each) if isinstance(each, dict) else [('', each)]
        found += [('.'.join(filter(None, (key, path))), leaf) for path, leaf in inside]
    return found


def _first_leaf(value: object) -> tuple:
    """The keys inside of a value down to its first option."""
    if not isinstance(value, dict) or not value:
        return ()
    key = next(iter(value))
    return (key, *_first_leaf(value[key]))
