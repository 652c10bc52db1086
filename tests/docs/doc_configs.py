"""Whether what a document writes into a config means something there.

MMEngine takes any key. Here a key must be in the config already, or be an
argument of the class that gets it.
"""

import ast
import inspect

from mmengine import registry as engine_registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner

import surge_mmdet.registry
from surge_mmdet.convert import BinaryPolicy
from surge_mmdet.distill import Teacher
from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.surge import SurgeConfig

TOP = {*inspect.signature(Runner.__init__).parameters} | {
    'auto_scale_lr',
    'custom_imports',
    'tta_model',
    'tta_pipeline',
}
UNTYPED = {  # parts of a config whose class is understood
    'policy': BinaryPolicy,
    'layer': BinaryConv2d,
    'linear': BinaryLinear,
    'surge': SurgeConfig,
    'teacher': Teacher,
}
# Read by the constructor of the optimizer wrapper, not by the wrapper.
WRAPPER = {'constructor', 'optimizer', 'paramwise_cfg', 'aux'}


def read_config(name: str, folder) -> Config:
    """A config of the repository, of mmdet (``mmdet::...``) or of a reader."""
    if '::' in name:
        from mmengine.hub import get_config

        return get_config(name)
    return Config.fromfile(folder / name)


def find(kind: str):
    """The class that a config means by ``kind``; None for what is no class.

    mmcv's ``nms`` and the like are functions that no registry has.
    """
    import mmdet.registry

    for module in (mmdet.registry, engine_registry, surge_mmdet.registry):
        for each in vars(module).values():
            found = isinstance(each, Registry) and each.get(kind)
            if found:
                return found
    if kind.islower():
        return None
    raise LookupError(f'no registry has the type {kind!r}')


def arguments(kind) -> set:
    """Names that a class takes, its bases asked where it has ``**kwargs``."""
    names, open_ended = set(), True
    if kind is None:
        return {'*'}
    bases = kind.__mro__ if inspect.isclass(kind) else [kind]
    for base in bases:
        function = vars(base).get('__init__') if inspect.isclass(base) else base
        if function is None or not open_ended:
            continue
        parameters = inspect.signature(function).parameters.values()
        open_ended = any(p.kind == p.VAR_KEYWORD for p in parameters)
        names |= {p.name for p in parameters}
    return names if not (open_ended and not inspect.isclass(kind)) else names | {'*'}


def unknown_keys(new, old, path: str = '') -> list:
    """Keys of ``new`` that mean nothing in ``old``, the config before.

    Args:
        new (dict | list): What is written.
        old (dict | list | None): What was there in its place.
        path (str): Where both are; empty for a whole config.
    """
    if isinstance(new, (list, tuple)):
        old = old if isinstance(old, (list, tuple)) and len(old) == len(new) else [None] * len(new)
        return [p for i, each in enumerate(new) for p in unknown_keys(each, old[i], f'{path}.{i}')]
    if not isinstance(new, dict):
        return []
    old = old if isinstance(old, dict) and not new.get('_delete_') else {}
    known = known_keys(new, old, path)
    problems = []
    for key, value in new.items():
        here = f'{path}.{key}'.lstrip('.')
        named = isinstance(value, dict) and 'type' in value  # as a further hook
        if not (key in old or key in known or '*' in known or (named and not new.get('type'))):
            problems.append(here)
        problems += unknown_keys(value, old.get(key), here)
    return problems


def known_keys(new: dict, old: dict, path: str) -> set:
    """Keys that a part of a config may have besides those it has."""
    known = {'type', '_delete_', '_scope_'} | (TOP if not path else set())
    kind = new.get('type', old.get('type'))
    if path == 'optim_wrapper':
        known |= WRAPPER
    untyped = UNTYPED.get(path.rsplit('.', 1)[-1])
    if isinstance(kind, str) and path:
        known |= arguments(find(kind))
    elif untyped:
        known |= arguments(untyped)
    elif not old and path:
        known.add('*')  # a mapping of free names, such as patterns of a policy
    return known


def nested(options: dict, cfg: Config) -> dict:
    """Options of a command line (``model.type=...``) as parts of a config.

    An index takes the place of a list's element: ``param_scheduler.1.end``
    becomes the list with only this element changed.
    """
    tree = {}
    for dotted, value in options.items():
        node = tree
        *parents, last = dotted.split('.')
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return with_lists(tree, cfg)


def with_lists(tree: dict, old):
    """Mappings by index become lists where ``old`` has lists."""
    if isinstance(old, (list, tuple)):
        return [with_lists(tree.get(str(i), {}), each) for i, each in enumerate(old)]
    if not isinstance(tree, dict):
        return tree
    inner = old if isinstance(old, dict) else {}
    return {key: with_lists(value, inner.get(key)) for key, value in tree.items()}


def helpers(code: str) -> set:
    """Names that a config's text itself uses: variables of its author."""
    return {
        node.id
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def build(cfg: Config):
    """The model of a config: layers, policies and their patterns are checked."""
    from mmdet.registry import MODELS
    from mmengine.registry import init_default_scope

    init_default_scope(cfg.get('default_scope', 'mmdet'))
    cfg.model.get('backbone', {}).pop('init_cfg', None)
    return MODELS.build(cfg.model)
