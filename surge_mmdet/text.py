"""Cells as lines of text."""

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
