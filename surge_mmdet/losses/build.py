"""Losses by their config, each under a name of its own."""

from collections.abc import Mapping, Sequence
from inspect import Parameter, signature
from typing import Optional

from torch import nn

from ..errors import braced, corrected, misspelt, unknown
from ..registry import MODELS
from .base import DetectorLoss


def build_losses(key: str, cfgs: Sequence, detector: nn.Module) -> nn.ModuleDict:
    """The losses of a config, ready for this detector.

    Args:
        key (str): Where the config has them; errors name it.
        cfgs (sequence of dict): Such as ``dict(type='surge_mmdet.PKD')``.
        detector (nn.Module): The one that is trained.

    Returns:
        nn.ModuleDict: By the type in small letters, numbered from the second
        of a type on.

    Raises:
        TypeError: If one is no dict with a type.
        ValueError: If a type is unknown or no such loss, or has no meaning
            for this detector.
    """
    losses = nn.ModuleDict()
    for cfg in cfgs:
        loss = build_loss(key, cfg)
        _check_watched(loss, detector)
        loss.prepare(detector)
        losses[_name(loss, losses)] = loss
    return losses


def loss_class(cfg) -> Optional[type]:
    """The class of a loss by its config; None if it is no known loss."""
    named = isinstance(cfg, dict) and isinstance(cfg.get('type'), str)
    kind = MODELS.get(cfg['type']) if named else None
    return kind if _is_loss(kind) else None


def loss_names(needs_teacher: bool) -> list:
    """The registered losses that learn from a teacher, or those that need none."""
    kinds = {name: kind for name, kind in MODELS.module_dict.items() if _is_loss(kind)}
    return [name for name, kind in kinds.items() if kind.needs_teacher == needs_teacher]


def build_loss(key: str, cfg) -> DetectorLoss:
    """One loss of a config, which no detector has seen yet.

    Args:
        key, cfg: As for :func:`build_losses`, of a single one.

    Raises:
        TypeError, ValueError: If it is no loss, or has a key or a value that
            it cannot have; the text shows the corrected line.
    """
    line = f"{key}=[dict(type='surge_mmdet.{{}}')]"
    if not isinstance(cfg, dict) or not isinstance(cfg.get('type'), str):
        like = 'PKD' if key == 'distillation' else 'InformationBottleneck'
        raise TypeError(f'{key}: {cfg!r} is no loss. Write {line.format(like)}.')
    kind = loss_class(cfg)
    if kind is None:
        known = sorted(loss_names(False) + loss_names(True))
        rest = {k: v for k, v in cfg.items() if k != 'type'}
        line = _line(key, '{}', rest)
        raise unknown(f'{key}: type', cfg['type'].rpartition('.')[2], known, line)
    parameters = signature(kind).parameters
    known = list(parameters)
    takes_any = any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values())
    for word in () if takes_any else cfg:
        if word not in ('type', *known):
            right = corrected({k: v for k, v in cfg.items() if k != 'type'}, known)
            raise unknown(f'{key}: {kind.__name__}', word, known, _line(key, kind.__name__, right))
    return MODELS.build(dict(cfg, type=kind))  # PKD as well as surge_mmdet.PKD


def _line(key: str, kind: str, options: Mapping) -> str:
    """A loss as a config has it, for :func:`unknown`."""
    inside = ''.join(f', {name}={value!r}' for name, value in options.items())
    return f"{key}=[dict(type='surge_mmdet.{kind}'{braced(inside)})]"


def require_keys(name: str, model: Mapping, own: Sequence) -> None:
    """Refuse keys of a wrapped detector that are nearly those of its wrapper.

    Args:
        name (str): The wrapper's type.
        model (Mapping): The keys that would go to the detector.
        own (Sequence[str]): The wrapper's keys.

    Raises:
        TypeError: The text shows the corrected line.
    """
    meant = misspelt(model, own, 0.8)
    if meant:
        right = ', '.join(f'{key}={model[word]!r}' for word, key in meant.items())
        raise TypeError(
            f'{name}: unknown {", ".join(map(repr, meant))}. '
            f"Write model=dict(type='surge_mmdet.{name}', {right})."
        )


def _check_watched(loss: DetectorLoss, detector: nn.Module) -> None:
    there = {name for name, _ in detector.named_modules()}
    missing = [name for name in loss.watches(detector) if name not in there]
    if missing:
        raise ValueError(
            f'{type(loss).__name__} reads {missing[0]}, which this {type(detector).__name__} does '
            f'not have. Leave the loss out, or take a detector with one box head, such as '
            'FasterRCNN or SSD.'
        )


def _is_loss(kind) -> bool:
    return isinstance(kind, type) and issubclass(kind, DetectorLoss)


def _name(loss: nn.Module, taken: nn.ModuleDict) -> str:
    name = type(loss).__name__.lower()
    same = sum(type(each) is type(loss) for each in taken.values())
    return f'{name}{same + 1}' if same else name
