"""Lists of image names, one a line, as mmdet's XML data sets read them."""

import io
import os.path as osp
from collections.abc import Callable, Iterator
from pathlib import Path

from .problems import decode


def read_list(path: str) -> list:
    """The lines as mmengine splits them, each an image name.

    Raises:
        ValueError: If the file is not UTF-8, or starts with a byte order
            mark, which would become a part of the first name.
    """
    text = decode(Path(path).read_bytes(), path)
    return [line.rstrip('\n\r') for line in io.StringIO(text, newline=None)]


def line_problem(line: str, exists: Callable[[str], bool]) -> str:
    """Why a line is no image name, if another name was meant, else ''.

    Args:
        line (str): A line of the list.
        exists (Callable): Whether a name has an annotation file. A name may
            have blanks in it, so only the files can tell.

    Examples:
        >>> line_problem('my photo (0).jpg', lambda name: name == 'my photo (0)')
        "'my photo (0).jpg' has a suffix: write 'my photo (0)'"
    """
    if not line.strip():
        return f'{line!r} is blank: remove the line'
    if exists(line):
        return ''
    for name, why in _repairs(line):
        if name and name != line and exists(name):
            return f'{line!r} {why}: write {name!r}'
    return ''


def _repairs(line: str) -> Iterator[tuple]:
    """What may have been meant, the smallest change first."""
    whole, first = line.strip(), line.split()[0]
    yield whole, 'has blanks around the name'
    yield osp.splitext(whole)[0], 'has a suffix'
    yield osp.basename(whole), 'has a folder'
    yield osp.splitext(osp.basename(whole))[0], 'has a folder and a suffix'
    yield first, 'has a second column'
    yield osp.splitext(osp.basename(first))[0], 'has a folder or suffix and a second column'
