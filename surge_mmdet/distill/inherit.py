"""A student that starts from its teacher's weights."""

from collections.abc import Sequence
from typing import Optional

from mmengine.logging import print_log
from torch import nn

from ..models import compare
from ..models.pretrained import LoadReport


def inherit(student: nn.Module, teacher: nn.Module, parts: Sequence) -> None:
    """Start some parts of the student from the teacher's weights and norms.

    The "inheriting strategy" of FGD (Yang et al., CVPR 2022)
    does so with neck and head. A binary student has its float twin's
    structure, so that it can inherit the backbone too: real weights become
    latent ones, and what starts from them (auxiliary weights, scales) starts
    from these. What only one of both has, such as thresholds, is logged and
    left as it is.

    Args:
        student (nn.Module): Its weights change.
        teacher (nn.Module): A detector with parts of the same names.
        parts (sequence of str): Such as ``backbone`` or ``roi_head.bbox_head``.

    Raises:
        ValueError: As :func:`require_parts`; nothing is copied.
    """
    require_parts(student, teacher, parts)
    for part in parts:
        student.get_submodule(part).load_state_dict(_weights(teacher, part), strict=False)
        report = _compare(student, teacher, part)
        print_log(f'teacher: the student inherits its {part}: {report}', 'current')


def require_parts(student: nn.Module, teacher: nn.Module, parts: Sequence) -> None:
    """Refuse parts that cannot be inherited.

    Raises:
        ValueError: If a part is missing or its tensors have other shapes; the
            text shows a line that fits.
    """
    for part in parts:
        report = _compare(student, teacher, part)
        if report is None or report.other_shape or not report.matched:
            raise ValueError(_misfit(student, teacher, part, report))


def check_parts(parts: Sequence) -> tuple:
    """Refuse what is no list of names.

    Raises:
        TypeError: The text shows the line.
    """
    listed = isinstance(parts, (list, tuple))
    if not listed or not all(isinstance(part, str) for part in parts):
        shown = [parts] if isinstance(parts, str) else ['backbone', 'neck']
        raise TypeError(f'teacher: inherit={parts!r} is no list of parts. Write inherit={shown}.')
    return tuple(parts)


def _compare(student: nn.Module, teacher: nn.Module, part: str) -> Optional[LoadReport]:
    """None where one of both has no such part."""
    try:
        return compare(student.get_submodule(part), _weights(teacher, part))
    except AttributeError:
        return None


def _weights(teacher: nn.Module, part: str) -> dict:
    return teacher.get_submodule(part).state_dict()


def _misfit(student: nn.Module, teacher: nn.Module, part: str, report: Optional[LoadReport]) -> str:
    fitting = [
        name
        for name, _ in student.named_children()
        if (found := _compare(student, teacher, name)) and found.matched and not found.other_shape
    ]
    why = 'is not in both detectors' if report is None else f'has other weights: {report}'
    line = f'Write inherit={fitting}.' if fitting else 'Leave inherit out.'
    return f'teacher: inherit: {part!r} {why}. {line}'
