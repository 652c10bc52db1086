"""Text for people: columns, numbers of things, references."""

import re
from collections.abc import Sequence
from typing import Optional


def aligned(rows: Sequence, left: Optional[int] = None) -> list:
    """A line per row, its cells in columns of equal widths.

    Args:
        rows (Sequence[Sequence[str]]): Of the same length; may be empty.
        left (int | None): So many columns stand flush left, the others flush
            right. None for all of them.

    Examples:
        >>> aligned([['layer', 'MB'], ['stem', '10']], left=1)
        ['layer  MB', 'stem   10']
        >>> aligned([['a', 'why'], ['long', 'so']])
        ['a     why', 'long  so']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        '  '.join(
            cell.ljust(width) if left is None or i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def counted(number: int, noun: str) -> str:
    """So many of what a regular noun names.

    Examples:
        >>> counted(1, 'run'), counted(0, 'run')
        ('1 run', '0 runs')
    """
    return f'{number} {noun}{"s" * (number != 1)}'


def linked(reference: str) -> str:
    """A reference as Markdown, its arXiv numbers as links.

    Examples:
        >>> linked('SURGE, arXiv 2605.10989')
        'SURGE, [arXiv 2605.10989](https://arxiv.org/abs/2605.10989)'
    """
    return re.sub(r'arXiv (\d{4}\.\d{4,5})', r'[arXiv \1](https://arxiv.org/abs/\1)', reference)
