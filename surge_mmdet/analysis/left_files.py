"""JSON files that a command of this package has left, and that may be damaged since."""

import json
from pathlib import Path
from typing import Union


class DamagedFile(ValueError):
    """A file of a work directory is not as it was written; the text names it."""


def read_left(file: Path, kind: type, mend: str) -> Union[dict, list]:
    """The content of such a file.

    Args:
        file (Path): That exists.
        kind (type): ``dict`` or ``list``: what it holds.
        mend (str): What to do where it is broken, a sentence.

    Raises:
        DamagedFile: As :func:`broken`, if it cannot be read or holds something else.
    """
    try:
        found = json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise broken(file, str(error), mend) from error
    if not isinstance(found, kind):
        raise broken(file, f'it holds no {kind.__name__}', mend)
    return found


def broken(file: Path, why: str, mend: str) -> DamagedFile:
    """The error for a file that is not as it was written.

    Args:
        file (Path): The file.
        why (str): What is wrong with it.
        mend (str): What to do, a sentence.

    Examples:
        >>> print(broken(Path('a/result.json'), 'it holds no dict', 'Remove it.'))
        a/result.json is not what this package writes: it holds no dict. Remove it.
    """
    return DamagedFile(f'{file} is not what this package writes: {why}. {mend}')
