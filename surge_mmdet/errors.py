"""One way to refuse: name what is wrong, and show the corrected line."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from os import PathLike, fspath
from typing import Optional


def nearest(word: object, choices: Iterable, cutoff: float = 0.5):
    """The choice that was probably meant; the first if none is close.

    Args:
        word (object): What the user wrote; only text and paths are near to anything.
        choices (Iterable): What there is; only strings can be close.
        cutoff (float): Least similarity in [0, 1].

    Examples:
        >>> nearest('SignSTe', ['SignPolynomial', 'SignSTE'])
        'SignSTE'
        >>> nearest(7, ['full', 'tied'])
        'full'
    """
    choices = list(choices)
    found = near(word, choices, cutoff)
    return choices[0] if found is None else found


def near(word: object, choices: Iterable, cutoff: float = 0.5) -> Optional[str]:
    """The choice that was probably meant, None if none is close.

    Args:
        word, choices, cutoff: As in :func:`nearest`.

    Examples:
        >>> near('tune_shar', ['seeds', 'tune_share'], 0.75)
        'tune_share'
    """
    word = fspath(word) if isinstance(word, PathLike) else word
    if not isinstance(word, str):
        return None
    words = {_plain(each): each for each in reversed(list(choices)) if isinstance(each, str)}
    found = get_close_matches(_plain(word), words, 1, cutoff)
    return words[found[0]] if found else None


def _plain(word: str) -> str:
    """As it is compared: ``sign_ste`` is ``SignSTE``."""
    return word.replace('_', '').lower()


def first_sentence(error: BaseException) -> str:
    """What another package's error says, without its advice and line breaks.

    Examples:
        >>> first_sentence(ValueError('it is broken. Please file an issue\\nwith a log.'))
        'ValueError: it is broken'
        >>> first_sentence(EOFError())
        'EOFError'
    """
    text = str(error).strip().split('\n')[0].split('. ')[0].rstrip('.')
    return f'{type(error).__name__}: {text}' if text else type(error).__name__


def misspelt(words: Iterable, known: Iterable, cutoff: float = 0.75) -> dict:
    """Words that are none of ``known``, but nearly, to the one that was meant.

    Examples:
        >>> misspelt(['seeds', 'tune_shar', 'reactnet'], ['seeds', 'tune_share'])
        {'tune_shar': 'tune_share'}
    """
    known = list(known)
    own = [word for word in words if word not in known]
    return {word: found for word in own if (found := near(word, known, cutoff))}


def corrected(given: Mapping, known: Iterable, cutoff: float = 0.75) -> dict:
    """Options under names that there are: slips are mended, unknown ones left out.

    A slip is what the user wrote last, and takes the place of an option that
    a config had under the right name.

    Args:
        given (Mapping): As the user has them.
        known (Iterable[str]): All names there are.
        cutoff (float): Least similarity in [0, 1] of a slip.

    Examples:
        >>> corrected(dict(weight=6, wieght=3, size=1, foo=2), ['weight', 'size', 'levels'])
        {'weight': 3, 'size': 1}
    """
    known, right = list(known), {}
    for word, value in given.items():
        slip = None if word in known else near(word, known, cutoff)
        if slip is not None:
            right[slip] = value
        elif word in known:
            right.setdefault(word, value)
    return right


def braced(text: str) -> str:
    """A text with braces, such as a dict, for the line of :func:`unknown`."""
    return text.replace('{', '{{').replace('}', '}}')


def unknown(what: str, word: object, known: Iterable, line: str) -> ValueError:
    """The error for a word that is none of ``known``.

    Args:
        what (str): What the word should be, such as ``surge: branch``.
        word (object): What the user wrote.
        known (Iterable): All words there are.
        line (str): The corrected line; ``{}`` takes the nearest word, the first
            of ``known`` if none is near.

    Examples:
        >>> print(unknown('surge: branch', 'tie', ['full', 'tied'], "surge=dict(branch='{}')"))
        surge: branch: unknown 'tie'; known are full, tied. Write surge=dict(branch='tied').
    """
    known = list(known)
    return ValueError(
        f'{what}: unknown {word!r}; known are {", ".join(map(str, known))}. '
        f'Write {line.format(nearest(word, known, 0.3))}.'
    )


def moved(room: str, names: dict) -> Callable:
    """A module's ``__getattr__`` that says where a name of an older release is now.

    Its error is no AttributeError, in whose place ``from ... import`` would
    put a text of its own; so ``hasattr`` of an old name raises it as well.

    Args:
        room (str): The module, below ``surge_mmdet``.
        names (dict): Old name to the line that imports what took its place.

    Examples:
        >>> moved('text', dict(wide='import aligned'))('wide')
        Traceback (most recent call last):
        ImportError: surge_mmdet.text has no wide since 0.3. Write import aligned.
    """

    def find(name: str):
        if name in names:
            raise ImportError(f'surge_mmdet.{room} has no {name} since 0.3. Write {names[name]}.')
        raise AttributeError(f'module {f"surge_mmdet.{room}"!r} has no attribute {name!r}')

    return find
