"""Losses of a method: towards its teacher, or beside those of the detector."""

from collections.abc import Mapping, Sequence
from typing import Optional

from ....errors import misspelt, nearest
from ....losses import build_loss, loss_class, loss_names
from .labels import method_line

PKD = [dict(type='surge_mmdet.PKD', weight=6.0)]


def check_losses(label: str, given: Mapping) -> None:
    """Refuse losses that are no list, or that stand under the key of the other kind.

    A type that nobody has registered yet may be a config's own, and is left
    to :func:`build_method_losses`.

    Args:
        label (str): The method's.
        given (Mapping): Its entry in the plan.

    Raises:
        ValueError: The text shows the corrected line.
    """
    for key in ('distillation', 'losses'):
        listed = given.get(key, ())
        if listed is None:
            raise ValueError(f'method {label!r}: {key}=None. Leave {key} out.')
        whole = isinstance(listed, (list, tuple))
        each = [_meant(key, loss) for loss in (listed if whole else [listed])]
        if not whole or each != list(listed):
            raise ValueError(
                f'method {label!r}: {key}={listed!r} is no list of losses, each a dict with its '
                f'type. Write {key}={each}.'
            )
    distillation, losses = (list(given.get(key, ())) for key in ('distillation', 'losses'))
    learn = [each for each in losses if _learns(each) is True]
    if learn:
        rest = [each for each in losses if each not in learn]
        right = dict(_without(given, 'losses'), distillation=[*distillation, *learn])
        _refuse(label, f'{_names(learn)} in losses learns from a teacher', right, rest)
    if distillation and all(_learns(each) is False for each in distillation):
        told = f'nothing in distillation learns from a teacher ({_names(distillation)})'
        if 'teacher' in given or 'inherit' in given:
            right = dict(given, distillation=PKD)
        else:
            right = _without(given, 'distillation')
        _refuse(label, told, right, [*losses, *distillation])


def _meant(key: str, loss: object) -> object:
    """A loss as a plan has it, with the type that a bare word names."""
    if isinstance(loss, Mapping) and isinstance(loss.get('type'), str):
        return loss
    if isinstance(loss, Mapping) and (slips := misspelt(loss, ['type'])):
        return {slips.get(name, name): value for name, value in loss.items()}
    options = loss if isinstance(loss, Mapping) else {}
    known = loss_names(needs_teacher=key == 'distillation')
    return dict(options, type=f'surge_mmdet.{nearest(loss, known)}')


def _refuse(label: str, told: str, right: Mapping, losses: Sequence) -> None:
    right = dict(right)
    if right.get('distillation'):
        right.setdefault('teacher', 'fp32')
    if losses:
        right['losses'] = losses
    raise ValueError(f'method {label!r}: {told}. Write {method_line(label, right)}.')


def _without(given: Mapping, key: str) -> dict:
    return {name: value for name, value in given.items() if name != key}


def _names(losses: Sequence) -> str:
    return ', '.join(each['type'].rpartition('.')[2] for each in losses)


def _learns(loss: object) -> Optional[bool]:
    """Whether a loss compares with a teacher; None if its type is not known."""
    kind = loss_class(loss)
    return None if kind is None else kind.needs_teacher


def check_teacher(label: str, given: Mapping) -> None:
    """Refuse a teacher from whom nothing learns, and what needs one without it.

    Args:
        label, given: As for :func:`check_losses`.

    Raises:
        ValueError: The text shows the corrected line.
    """
    right = {**given, 'teacher': given.get('teacher', 'fp32')}
    right = method_line(label, {**right, 'distillation': given.get('distillation') or PKD})
    if ('teacher' in given) != bool(given.get('distillation')):
        raise ValueError(
            f'method {label!r}: teacher and distillation belong together. Write {right}.'
        )
    if 'inherit' in given and 'teacher' not in given:
        raise ValueError(
            f'method {label!r}: inherit names parts that start from the weights of a teacher. '
            f'Write {right}.'
        )


def build_method_losses(label: str, losses: Sequence) -> None:
    """Build each loss beside the detector's own, under the key of the plan.

    In the config of a student they stand among those of the distillation,
    whose key an error would name.

    Args:
        label (str): The method's.
        losses (Sequence[dict]): Its ``losses``.

    Raises:
        ValueError: The text shows the corrected line.
    """
    for loss in losses:
        try:
            build_loss('losses', loss)
        except (TypeError, ValueError) as error:
            raise ValueError(f'method {label!r}: {error}') from error
