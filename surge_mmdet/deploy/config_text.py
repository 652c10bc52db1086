"""The config of a packed detector as text that is data: parsed, never executed."""

import ast
from pprint import pformat

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.utils import import_modules_from_strings

from .. import registry as own
from ..distill import undistilled
from ..losses import without_losses

# What inference, mmdet's DetInferencer and its test need; the rest is about training.
KEPT = (
    'default_scope',
    'custom_imports',
    'env_cfg',
    'model',
    'test_dataloader',
    'test_evaluator',
    'test_cfg',
    'tta_model',
    'tta_pipeline',
    'visualizer',
)
NEEDED = ('model', 'test_dataloader')
PRETRAINED = ('init_cfg', 'pretrained')  # names of files with weights to start from


def to_text(cfg: Config) -> str:
    """The config of a detector's inference, a line ``key = value`` per key.

    It is a config file of mmengine, of literals only.

    Args:
        cfg (Config): The whole config. Keys of :data:`KEPT` are kept, without
            the ``init_cfg`` and ``pretrained`` of their modules.

    Raises:
        ValueError: If a needed key is missing, or a value is no plain data.
    """
    missing = [key for key in NEEDED if key not in cfg]
    if missing:
        raise ValueError(
            f'the config has no {", ".join(missing)}. Name the whole config: '
            'publish_model.py CHECKPOINT OUT --config CONFIG'
        )
    plain = {k: _without_pretrained(v) for k, v in cfg.to_dict().items() if k in KEPT}
    plain['model'] = without_losses(undistilled(plain['model']))
    text = ''.join(f'{k} = {pformat(v, width=100, sort_dicts=False)}\n' for k, v in plain.items())
    if from_text(text, 'the config') != plain:
        raise ValueError('the config has values that change when they are written as text')
    return text


def _without_pretrained(node):
    if isinstance(node, dict):
        return {k: _without_pretrained(v) for k, v in node.items() if k not in PRETRAINED}
    if isinstance(node, (list, tuple)):
        return type(node)(_without_pretrained(v) for v in node)
    return node


def from_text(text: str, source) -> dict:
    """The inverse of :func:`to_text`; imports the modules of ``custom_imports``.

    Args:
        text (str): Lines ``key = literal``.
        source: What an error calls it.

    Raises:
        ValueError: If there is anything but literals, or a ``type`` that no
            registry of OpenMMLab's could mean.
        ImportError: If a module of ``custom_imports`` is missing.

    Examples:
        >>> from_text("model = {'type': 'RetinaNet'}", 'x')
        {'model': {'type': 'RetinaNet'}}
    """
    try:
        found = {_key(node): ast.literal_eval(node.value) for node in ast.parse(text).body}
    except (ValueError, SyntaxError, AttributeError, MemoryError, RecursionError) as error:
        raise ValueError(
            f'{source}: its config is no plain data ({error}). A value must be a number, a text, '
            "True, False, None, or a dict, list or tuple of these; a type is its name: type='X'"
        ) from error
    if found.get('custom_imports'):
        import_modules_from_strings(**found['custom_imports'])
    for kind in _types(found):
        _check_type(kind, source)
    return found


def _key(node: ast.stmt) -> str:
    (target,) = node.targets  # no assignment, several: AttributeError, ValueError
    if target.id == '_base_':
        raise ValueError('it has a _base_')
    return target.id


def _types(node) -> list:
    if isinstance(node, dict):
        own_type = [node['type']] if 'type' in node else []
        return own_type + [kind for value in node.values() for kind in _types(value)]
    if isinstance(node, (list, tuple)):
        return [kind for value in node for kind in _types(value)]
    return []


def _check_type(kind, source) -> None:
    """mmengine imports and calls what a type of several words names; mmcv evaluates some."""
    if isinstance(kind, str):
        scope, _, name = kind.rpartition('.')
        if name.isidentifier() and (not scope or name in _registered(scope)):
            return
    raise ValueError(
        f'{source}: type={kind!r} is no registered name. Write the name alone, with its scope '
        "if it has one: type='FasterRCNN', type='surge_mmdet.BinaryResNet'"
    )


def _registered(scope: str) -> set:
    """All names that registries of this scope hold."""
    roots = [r for m in (mmengine.registry, own) for r in vars(m).values()]
    found, todo = set(), [r for r in roots if isinstance(r, Registry)]
    while todo:
        registry = todo.pop()
        todo.extend(registry.children.values())
        if registry.scope == scope:
            registry.import_from_location()
            found.update(registry.module_dict)
    return found
