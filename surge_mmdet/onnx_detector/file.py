"""What an ONNX file of this package says of itself, and how damage is found.

The last bytes of a file are one more entry of its metadata, ``sha256`` over all
bytes before. An ONNX file is a protocol buffer: entries may stand anywhere, so
any runtime reads it. Nothing here needs PyTorch, or the package ``onnx``.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

FORMAT = 'surge_mmdet ONNX detector'
VERSION = 1
SUFFIX = '.onnx'
KEYS = ('format_version', 'surge_mmdet', 'classes', 'config_sha256', 'detector', 'input', 'recipe')
EXPORT = f'python tools/deployment/export_onnx.py CONFIG CHECKPOINT OUT{SUFFIX}'
# metadata_props is field 14 of a ModelProto, of length 74: key and value, fields 1 and 2.
_START = b'\x72\x4a\x0a\x06sha256\x12\x40'
_LENGTH = len(_START) + 64
# What may stand behind the version of a ModelProto: fields 2 to 8, 14, 20 and 25.
_AFTER_IR = b'\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca'


def text_hash(text: str) -> str:
    """By which a file says of which config it is."""
    return hashlib.sha256(text.encode()).hexdigest()


def sealed(model: bytes) -> bytes:
    """A serialized model with its hash behind it."""
    return model + _START + hashlib.sha256(model).hexdigest().encode()


def looks_onnx(path) -> bool:
    """Whether a file starts as an ONNX file, whatever its name: field 1 is a small number."""
    if not os.path.isfile(path):
        return False
    with open(path, 'rb') as file:
        start = file.read(3)
    return len(start) == 3 and start[0] == 0x08 and start[1] < 0x20 and start[2] in _AFTER_IR


def read_sealed(path) -> bytes:
    """A file's bytes after the check of its hash.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it was cut off or altered, or is another program's.
    """
    if not os.path.isfile(path):
        what = 'is a folder' if os.path.isdir(path) else 'does not exist'
        raise FileNotFoundError(f'{path} {what}. Name an ONNX detector, or make one: {EXPORT}')
    data = Path(path).read_bytes()
    model, end = data[:-_LENGTH], data[-_LENGTH:]
    if not end.startswith(_START):
        raise ValueError(
            f'{path} ({len(data)} bytes) was cut off, or is no ONNX detector of surge_mmdet. Copy '
            f'it again, or make one: {EXPORT}'
        )
    if sealed(model) != data:
        raise ValueError(
            f'{path} is damaged: its contents are not those that were written (sha256). Copy it '
            f'again, or make it again: {EXPORT}'
        )
    return data


def check_metadata(path, metadata: dict, release: str) -> None:
    """Refuse what this release cannot read.

    Args:
        path: What an error calls the file.
        metadata (dict[str, str]): Of the file.
        release (str): Of this package.

    Raises:
        ValueError: If it is no detector of this package, of a later format
            version, or lacks an entry.
    """
    if metadata.get('format') != FORMAT:
        raise ValueError(
            f'{path} is another ONNX model: its metadata do not say {FORMAT!r}. Make one: {EXPORT}'
        )
    version = metadata.get('format_version', '')
    if not version.isdecimal() or not 1 <= int(version) <= VERSION:
        raise ValueError(
            f'{path} has format version {version}, written by surge_mmdet '
            f'{metadata.get("surge_mmdet")}; surge_mmdet {release} reads up to {VERSION}. Update '
            f'surge_mmdet, or export it again with this release: {EXPORT}'
        )
    missing = [key for key in KEYS if key not in metadata]
    if missing:
        raise ValueError(f'{path} lacks {", ".join(missing)} in its metadata. Make one: {EXPORT}')


def check_classes(path, own: Sequence, wanted: Sequence) -> None:
    """Refuse a file whose labels mean something else.

    Raises:
        ValueError: With both lists.
    """
    if list(own) != list(wanted):
        raise ValueError(
            f'{path} is another model: its classes are {list(own)}, not {list(wanted)}. Name the '
            'file of the one you mean, or leave classes=... out'
        )


def check_name(path) -> Path:
    """``path``, if it ends in ``.onnx`` and is no folder.

    Raises:
        ValueError: Otherwise, with the corrected name.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(
            f'{path}: an ONNX file is known by its ending. Write {path.with_suffix(SUFFIX)}'
        )
    if path.is_dir():
        raise ValueError(f'{path} is a folder. Write {path / path.name}')
    return path
