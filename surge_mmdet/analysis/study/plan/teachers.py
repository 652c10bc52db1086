"""Who teaches whom in a plan."""

from collections.abc import Mapping
from dataclasses import replace

from ....errors import near
from .changes import Change
from .labels import known_label


def with_teachers(changes: Mapping) -> dict:
    """The changes with labels for teachers; those that change nothing are left out.

    Args:
        changes (Mapping): Label to :class:`Change`, of all methods of the plan.

    Raises:
        ValueError: If a teacher is not in the plan, or has a teacher itself.
    """
    found = {}
    for label, change in changes.items():
        if change.teacher is not None:
            change = replace(change, teacher=_teacher(label, change.teacher, changes))
        if change != Change():
            found[label] = change
    return found


def _teacher(label: str, word: object, changes: Mapping) -> str:
    if not isinstance(word, str):
        raise ValueError(
            f'method {label!r}: teacher={word!r}, but in a plan a method is taught by another one '
            f'of its methods. Write teacher={_one_that_can(word, changes)}.'
        )
    known = word if word in changes else known_label(word)
    if known in changes:
        if changes[known].teacher is None:
            return known
        what = 'it is its own teacher'
        if known != label:
            what = f'its teacher {known!r} has a teacher itself'
    else:
        what = f'teacher={word!r} is no method of the plan'
    if known is not None and known not in changes:
        line = f'methods = [{word!r}, ...], which trains it too'
    else:
        others = {name: change for name, change in changes.items() if name != label}
        line = f'teacher={_one_that_can(word, others)}'
    raise ValueError(f'method {label!r}: {what}. Write {line}.')


def _one_that_can(word: object, changes: Mapping) -> str:
    """The nearest method that has no teacher; FP32 if none is near."""
    able = [label for label, change in changes.items() if change.teacher is None]
    like = near(word, able)
    if like is None and 'FP32' not in able:
        return "'fp32', and methods = ['fp32', ...]"
    return repr(like or 'fp32')
