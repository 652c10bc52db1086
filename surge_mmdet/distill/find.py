"""The checkpoint that a training left."""

import re
from pathlib import Path
from typing import Optional


def newest_checkpoint(folder: Path) -> Optional[Path]:
    """What ``last_checkpoint`` names, else the epoch or iteration of the largest number.

    The name in it holds after a folder was moved, if the file moved along.

    Args:
        folder (Path): Of a training, as mmdet's tool leaves it.
    """
    pointer = folder / 'last_checkpoint'
    named = Path(pointer.read_text().strip()) if pointer.is_file() else Path()
    for path in (named, folder / named.name):
        if path.is_file():
            return path
    numbers = {
        int(match[1]): path
        for path in folder.glob('*.pth')
        if (match := re.fullmatch(r'(?:epoch|iter)_(\d+)', path.stem))
    }
    return numbers[max(numbers)] if numbers else None
