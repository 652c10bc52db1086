"""Losses by their config, each under a name of its own."""

from collections.abc import Sequence

from torch import nn

from ..errors import unknown
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
        loss = _build(key, cfg)
        _check_watched(loss, detector)
        loss.prepare(detector)
        losses[_name(loss, losses)] = loss
    return losses


def _build(key: str, cfg) -> DetectorLoss:
    line = f"{key}=[dict(type='surge_mmdet.{{}}')]"
    if not isinstance(cfg, dict) or not isinstance(cfg.get('type'), str):
        raise TypeError(f'{key}: {cfg!r} is no loss. Write {line.format("PKD")}.')
    kind = MODELS.get(cfg['type'])
    if not _is_loss(kind):
        known = sorted(name for name, each in MODELS.module_dict.items() if _is_loss(each))
        raise unknown(f'{key}: type', cfg['type'].rpartition('.')[2], known, line)
    return MODELS.build(cfg)


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
