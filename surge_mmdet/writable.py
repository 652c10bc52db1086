"""Whether results can be written, asked before they are worked out.

:func:`out_file` and :func:`out_folder` are types of arguments: a measurement of
an hour is not lost for a name that is taken.
"""

import os
from argparse import ArgumentTypeError
from pathlib import Path


def out_file(name: str) -> Path:
    """A file to write, as ``parser.add_argument('--out', type=out_file)``.

    Args:
        name (str): As the user has it.

    Raises:
        ArgumentTypeError: If it is a folder, or its folder cannot be made or written
            into; the text shows what to write.
    """
    path = Path(name)
    if path.is_dir():
        raise ArgumentTypeError(f'{path} is a folder. Name a file in it, such as {path}/NAME')
    _require(path.parent, f'{path} cannot be written')
    return path


def out_folder(name: str) -> Path:
    """A folder to write into, as ``parser.add_argument('--work-dir', type=out_folder)``.

    Args:
        name (str): As the user has it.

    Raises:
        ArgumentTypeError: As :func:`out_file`.
    """
    path = Path(name)
    _require(path, f'{path} cannot be written into')
    return path


def _require(folder: Path, what: str) -> None:
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise ArgumentTypeError(f'{what}: {there} is a file. Name another folder.')
    if not os.access(there, os.W_OK):
        raise ArgumentTypeError(f'{what}: {there} is not yours to write into. Name another folder.')
