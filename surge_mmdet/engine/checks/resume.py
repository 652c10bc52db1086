"""A resume goes on with the same model and optimizer, or not at all.

A checkpoint of this package also records the method of its layers and the
names that its optimizer's groups hold; older ones are judged by names,
shapes and numbers.
"""

from collections.abc import Iterable

from mmengine.optim import OptimWrapper
from mmengine.runner import find_latest_checkpoint
from torch import nn

from ..bare_model import bare_model
from .method_record import changes, methods_of
from .optimizer_state import optimizer_differences, state_differences

RECORD = 'surge_mmdet'  # key in a checkpoint's meta
ENTRIES = ('meta', 'message_hub')  # what MMEngine's resume needs beside weights
# An optimizer's own settings, whatever a schedule does.
SETTINGS = ('weight_decay', 'betas', 'momentum', 'eps', 'amsgrad', 'nesterov')


def record_of(runner) -> dict:
    """What a checkpoint should tell a later resume of its training."""
    model = bare_model(runner)
    return dict(
        methods=methods_of(model),
        optimizers={
            key: dict(type=type(each.optimizer).__name__, groups=_names(each.optimizer, model))
            for key, each in _wrappers(runner.optim_wrapper).items()
        },
    )


def is_resuming(runner) -> bool:
    """Whether a checkpoint that is being loaded will be trained on."""
    return bool(runner._resume) and isinstance(runner.optim_wrapper, OptimWrapper)


def check_resume(runner, checkpoint: dict) -> None:
    """Refuse a checkpoint of another model, method or optimizer.

    Args:
        runner (Runner): Its model and optimizer are built, nothing is loaded.
        checkpoint (dict): The weights by the names of the model.

    Raises:
        ValueError: If a parameter or the optimizer's state differ in name,
            shape, order or grouping, or if the checkpoint holds weights
            only; the text shows how to start from its weights instead.
    """
    differences = [
        *_incomplete(checkpoint),
        *_weight_differences(bare_model(runner), checkpoint['state_dict']),
        *method_differences(bare_model(runner), checkpoint),
        *_order_differences(record_of(runner), checkpoint),
    ]
    refuse(differences or _optimizer_differences(runner, checkpoint), runner)


def check_loaded(runner) -> None:
    """Refuse moments of another shape, whichever way they came.

    Raises:
        ValueError: See :func:`check_resume`.
    """
    for each in _wrappers(runner.optim_wrapper).values():
        refuse(state_differences(each.optimizer), runner)


def refuse(differences: list, runner=None) -> None:
    """Raise, with the line for a new training, if there are differences.

    Raises:
        ValueError: If ``differences`` is not empty.
    """
    if not differences:
        return
    config, path = _names_of_files(runner)
    more = f'; and {len(differences) - 4} more' if len(differences) > 4 else ''
    raise ValueError(
        f'{path} cannot be resumed: {"; ".join(differences[:4])}{more}. A resume goes on with the '
        'same model, method and optimizer. To start a new training from its weights write, '
        f'without --resume, tools/train.py {config} --cfg-options load_from={path}'
    )


def kept_settings(runner, checkpoint: dict) -> list:
    """Settings of the optimizer that a resume takes from the checkpoint.

    Returns:
        list[str]: A sentence for each that the config would have otherwise.
    """
    follows_config = any(getattr(hook, 'on_resume', '') == 'config' for hook in runner.hooks)
    found = {}
    for each, saved in _pairs(runner, checkpoint):
        for group, old in zip(each.optimizer.param_groups, saved['param_groups'], strict=False):
            rate = 'initial_lr' if 'initial_lr' in group else 'lr'
            for key in SETTINGS + (() if follows_config else (rate,)):
                if key in group and key in old and _plain(group[key]) != _plain(old[key]):
                    name = key.removeprefix('initial_')
                    found.setdefault(name, f'{name}={old[key]}, not {group[key]}')
    return list(found.values())


def _plain(value: object) -> object:
    """A list of a config is the tuple that it becomes elsewhere."""
    return tuple(value) if isinstance(value, list) else value


def _wrappers(wrapper) -> dict:
    """Each optimizer's wrapper; most trainings have one."""
    return dict(wrapper.items()) if hasattr(wrapper, 'items') else {'': wrapper}


def _pairs(runner, checkpoint: dict) -> list:
    """Each wrapper beside its saved state, if there is one."""
    saved, wrappers = checkpoint.get('optimizer'), _wrappers(runner.optim_wrapper)
    if saved is None:
        return []
    states = {'': saved} if 'param_groups' in saved else saved
    return [(each, states[key]) for key, each in wrappers.items() if key in states]


def _names(optimizer, model: nn.Module) -> list:
    names = {id(p): name for name, p in model.named_parameters()}
    return [
        [names.get(id(p), 'unknown') for p in group['params']] for group in optimizer.param_groups
    ]


def _incomplete(checkpoint: dict) -> list:
    lacking = [key for key in ENTRIES if key not in checkpoint]
    if not lacking and 'epoch' in checkpoint['meta'] and 'iter' in checkpoint['meta']:
        return []
    return ['it holds weights only, and not how far its training was']


def _weight_differences(model: nn.Module, state_dict: dict) -> list:
    own = model.state_dict()
    missing = [name for name, _ in model.named_parameters() if name not in state_dict]
    # Buffers come and go between versions; a parameter has such a name.
    left_over = [k for k in state_dict if k not in own and k.endswith(('weight', 'bias'))]
    shapes = [
        f'{name} {tuple(state_dict[name].shape)} in the checkpoint, {tuple(value.shape)} now'
        for name, value in own.items()
        if name in state_dict and state_dict[name].shape != value.shape
    ]
    return [
        f'{len(names)} {what}: {_some(names)}'
        for what, names in (
            ('tensors have another shape', shapes),
            ('parameters are missing', missing),
            ('weights are left over', left_over),
        )
        if names
    ]


def method_differences(model: nn.Module, checkpoint: dict, forward_only: bool = False) -> list:
    """Layers that are binary in another way than in the checkpoint.

    Args:
        model (nn.Module): As built.
        checkpoint (dict): With its meta.
        forward_only (bool): Leave out what only a training depends on.

    Returns:
        list[str]: One sentence per change; none too if nothing is recorded.
    """
    saved = _record(checkpoint)
    if not saved:
        return []
    found = changes(model, saved['methods'], forward_only)
    return [
        f'{len(names)} layers have another method: in {_some(names)} {change}'
        if len(names) > 1
        else f'a layer has another method: {names[0]} {change}'
        for change, names in found.items()
    ]


def _record(checkpoint: dict) -> dict:
    return (checkpoint.get('meta') or {}).get(RECORD) or {}


def _order_differences(built: dict, checkpoint: dict) -> list:
    saved, found = _record(checkpoint), []
    if 'optimizer' not in checkpoint or not saved:
        return []
    for key, optimizer in saved['optimizers'].items():
        other = built['optimizers'].get(key, {})
        if other.get('type') != optimizer['type']:
            found.append(f'its optimizer was {optimizer["type"]}, and is {other.get("type")} now')
        elif other['groups'] != optimizer['groups']:
            found.append('the parameters are in another order or grouping in the optimizer')
    return found


def _optimizer_differences(runner, checkpoint: dict) -> list:
    return [
        sentence
        for each, saved in _pairs(runner, checkpoint)
        for sentence in optimizer_differences(each.optimizer, saved)
    ]


def _some(names: Iterable) -> str:
    names = list(names)
    return ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')


def _names_of_files(runner) -> tuple:
    """The config and the checkpoint, as the user may write them."""
    if runner is None:
        return 'CONFIG', 'CHECKPOINT'
    path = runner._load_from or find_latest_checkpoint(str(runner.work_dir))
    return getattr(runner.cfg, 'filename', None) or 'CONFIG', path or 'CHECKPOINT'
