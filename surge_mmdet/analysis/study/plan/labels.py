"""Methods of a plan by the words that its other lines use for them."""

from collections.abc import Mapping
from typing import Optional

from ....errors import near, nearest
from ....methods import find_method

NOT_IN_LABELS = '/\\|<>'  # of paths, and of the tables in Markdown


def require_label(label: object, given: object) -> None:
    """Refuse a label that names no folder, or that would break a table.

    Args:
        label (object): As the plan has it.
        given (object): Its method, for the corrected line.

    Raises:
        ValueError: The text shows the corrected line.
    """
    if not isinstance(label, str):
        raise ValueError(f'methods: {label!r} is no label. Write {{{str(label)!r}: {given}}}.')
    wrong = [each for each in label if each in NOT_IN_LABELS or not each.isprintable()]
    right = ''.join('-' if each in wrong else each for each in label)
    if not right.strip(' .'):
        raise ValueError(f'methods: {label!r} is no label. Write {{{"mine"!r}: {given}}}.')
    if wrong:
        raise ValueError(
            f'method {label!r}: {wrong[0]!r} can stand in no label, which names a folder and '
            f'stands in tables. Write {{{right!r}: {given}}}.'
        )


def known_label(word: object) -> Optional[str]:
    """The label of a method of the list, None if it has no such name."""
    try:
        return find_method(word).label
    except ValueError:
        return None


def find_label(word: object, methods: Mapping, what: str, line: str) -> str:
    """The label that a word of the plan means, a label or a name.

    Args:
        word (object): That the plan has.
        methods (Mapping): By the labels of the plan.
        what, line (str): What is wrong and the corrected line; ``{!r}`` takes
            the word, and the nearest label.

    Raises:
        ValueError: If there is no such method in the plan.
    """
    label = word if isinstance(word, str) and word in methods else known_label(word)
    if label not in methods:
        raise ValueError(
            f'{what.format(word)} is no method of the plan. '
            f'Write {line.format(nearest(word, methods, 0))}.'
        )
    return label


def by_label(given: object, methods: Mapping, what: str) -> dict:
    """A dict of the plan with labels for its words.

    Args:
        given (object): Word to anything.
        methods (Mapping): By the labels of the plan.
        what (str): Where it stands, such as ``more_seeds``.

    Raises:
        ValueError: If it is no dict, or a method is unknown or named twice.
    """
    start = f'{what.rpartition(".")[2]}=' if '.' in what else f'{what} = '
    if not isinstance(given, Mapping):
        raise ValueError(
            f'{what}: {given!r} is no dict. Write {start}{{{next(iter(methods))!r}: ...}}.'
        )
    found, words = {}, {}
    for word, value in given.items():
        label = word if word in methods else known_label(word)
        if label not in methods:
            raise ValueError(
                f'{what}: {word!r} is no method of the plan. Write {start}{_known(given, methods)}.'
            )
        if label in found:
            right = {**found, label: value}
            raise ValueError(
                f'{what}: {label!r} is there twice, as {words[label]!r} and {word!r}. '
                f'Write {start}{right}.'
            )
        found[label], words[label] = value, word
    return found


def _known(given: Mapping, methods: Mapping) -> dict:
    """What a dict of the plan says of its methods; slips are mended, others left out."""
    right = {}
    for word, value in given.items():
        known = word in methods or known_label(word) in methods
        label = word if known else near(word, methods)
        if label is not None:
            right.setdefault(label, value)
    return right


def method_line(label: str, given: Mapping) -> str:
    """A method as its plan would have it.

    Examples:
        >>> print(method_line('mine', dict(method='ste', config={'a': 1})))
        {'mine': dict(method='ste', config={'a': 1})}
    """
    inside = ', '.join(f'{key}={value!r}' for key, value in given.items())
    return f'{{{label!r}: dict({inside})}}'
