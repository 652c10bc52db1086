"""The packed file: safetensors, with metadata that tells all and a hash over everything.

``metadata`` holds, as text: ``format`` (:data:`FORMAT`), ``format_version``,
``sha256``, ``config`` (see :mod:`.config_text`), ``dataset_meta`` (JSON: classes,
palette), ``real`` (see :mod:`.real_storage`) and ``surge_mmdet``, the release
that wrote it. The hash covers the metadata and every tensor with its name,
type and shape: it finds damage, it is no signature.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import BinaryIO, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from .. import __version__
from ..whole_files import write_whole

FORMAT = 'surge_mmdet packed detector'
VERSION = 1
SUFFIX = '.safetensors'
HEADER_LIMIT = 16 * 2**20  # bytes; a detector's is some 50 kB
KEYS = ('format_version', 'sha256', 'config', 'dataset_meta', 'real', 'surge_mmdet')
TYPES = ('F32', 'F16', 'I64', 'I32', 'I8', 'U8', 'BOOL')
PUBLISH = f'python tools/model_converters/publish_model.py CHECKPOINT OUT{SUFFIX}'


class PackedFile(NamedTuple):
    """What a packed file holds.

    Attributes:
        tensors (dict[str, Tensor]): As stored.
        config (str): Of the detector, data only.
        dataset_meta (dict): ``classes`` and ``palette``.
        real (str): How real weights are stored.
        written_by (str): Release of this package.
    """

    tensors: dict
    config: str
    dataset_meta: dict
    real: str
    written_by: str = __version__


def write(path, content: PackedFile) -> int:
    """Write a packed file, all of it or nothing.

    Returns:
        int: Its size in bytes.

    Raises:
        ValueError: If ``path`` has another ending than ``.safetensors``.
        OSError: If the disk refuses; what was there before is still whole.
    """
    path = check_name(path)
    data = to_bytes(content)
    write_whole(path, data)
    return len(data)


def check_name(path) -> Path:
    """``path``, whose ending tells mmdet's tools what it is.

    Raises:
        ValueError: If it ends otherwise, is a folder, or is below a file; the
            text shows the corrected name.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(
            f'{path}: a packed detector is known by its ending. Write {path.with_suffix(SUFFIX)}'
        )
    if path.is_dir():
        raise ValueError(f'{path} is a folder. Write {path / path.name}')
    for parent in path.parents:
        if parent.is_file():
            raise ValueError(f'{parent} is a file, so no folder for {path.name}. Name another OUT')
    return path


def looks_packed(path) -> bool:
    """Whether a file starts as a packed one, whatever its name."""
    if not os.path.isfile(path):
        return False
    with open(path, 'rb') as file:
        start = file.read(9)
    return start[8:] == b'{' and int.from_bytes(start[:8], 'little') <= HEADER_LIMIT


def read(path) -> PackedFile:
    """Read a packed file after every check.

    Raises:
        FileNotFoundError: If there is none, or a folder.
        ValueError: If it is no packed detector, truncated, altered, or written
            by a later release; the text says what to do.
    """
    if not os.path.isfile(path):
        what = 'is a folder' if os.path.isdir(path) else 'does not exist'
        raise FileNotFoundError(f'{path} {what}. Name a packed detector, or make one: {PUBLISH}')
    with open(path, 'rb') as file:
        return read_from(file, path)


def read_from(file: BinaryIO, path) -> PackedFile:
    """As :func:`read`, from an open file; errors call it ``path``."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(8)
    length = int.from_bytes(start, 'little')
    if len(start) < 8 or not 2 <= length <= min(size - 8, HEADER_LIMIT):
        raise _foreign(path, 'it does not start as a safetensors file')
    header = file.read(length)
    metadata = _metadata(path, header, size - 8 - length)
    return _checked(path, metadata, start + header + file.read())


def to_bytes(content: PackedFile) -> bytes:
    """The file as bytes; equal contents give equal bytes."""
    metadata = {
        'format': FORMAT,
        'format_version': str(VERSION),
        'config': content.config,
        'dataset_meta': json.dumps(content.dataset_meta),
        'real': content.real,
        'surge_mmdet': content.written_by,
    }
    metadata['sha256'] = content_hash(metadata, content.tensors)
    tensors = {name: tensor.contiguous() for name, tensor in content.tensors.items()}
    data = save(tensors)  # given metadata, it would write them in a random order
    length = int.from_bytes(data[:8], 'little')
    header = {'__metadata__': metadata, **json.loads(data[8 : 8 + length])}
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)  # tensors are aligned to 8 bytes
    return len(text).to_bytes(8, 'little') + text + data[8 + length :]


def content_hash(metadata: dict, tensors: dict) -> str:
    """sha256 over metadata (but ``sha256``) and tensors, each in the order of names.

    Args:
        metadata (dict[str, str]): Of the file.
        tensors (dict[str, Tensor]): As stored.
    """
    found = hashlib.sha256()
    for item in sorted(metadata.items()):
        if item[0] != 'sha256':
            found.update(json.dumps(item).encode() + b'\n')
    for name, tensor in sorted(tensors.items()):
        kind = [name, str(tensor.dtype), list(tensor.shape)]
        found.update(json.dumps(kind).encode() + b'\n')
        found.update(_raw(tensor))
    return found.hexdigest()


def _raw(tensor: Tensor) -> bytes:
    array = tensor.contiguous().numpy()
    return array.astype(array.dtype.newbyteorder('<')).tobytes()


def _metadata(path, header: bytes, data_size: int) -> dict:
    """The file's metadata, before anything is read that they announce."""
    try:
        tensors = json.loads(header)
        metadata = tensors.pop('__metadata__', {})
        ends = [tensor['data_offsets'][1] for tensor in tensors.values()]
        kinds = {tensor['dtype'] for tensor in tensors.values()}
        end = max(ends, default=0)
        kind = metadata.get('format')
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise _foreign(path, f'its header cannot be read ({error})') from error
    if kind != FORMAT:
        raise _foreign(path, 'its metadata do not say so')
    _check_version(path, metadata)
    if end != data_size:
        raise _damaged(path, f'it has {data_size} bytes of tensors where {end} are announced')
    if not kinds <= set(TYPES):
        raise _damaged(path, f'it has tensors of the types {sorted(kinds - set(TYPES), key=str)}')
    return metadata


def _check_version(path, metadata: dict) -> None:
    version = metadata.get('format_version')
    if not (isinstance(version, str) and re.fullmatch('[1-9][0-9]{0,8}', version)):
        raise _damaged(path, f'its format version is {version!r}')
    if int(version) > VERSION:
        raise ValueError(
            f'{path} has format version {version}, written by surge_mmdet '
            f'{metadata.get("surge_mmdet")}; surge_mmdet {__version__} reads up to {VERSION}. '
            'Update surge_mmdet, or pack the checkpoint again with this release: ' + PUBLISH
        )


def _checked(path, metadata: dict, data: bytes) -> PackedFile:
    missing = [key for key in KEYS if not isinstance(metadata.get(key), str)]
    if missing:
        raise _damaged(path, f'its metadata lack {", ".join(missing)}')
    try:
        tensors = load(data)
        found = content_hash(metadata, tensors)
        meta = _tuples(json.loads(metadata['dataset_meta']))
    except (SafetensorError, ValueError, TypeError, LookupError, RuntimeError) as error:
        raise _damaged(path, str(error)) from error
    if found != metadata['sha256']:
        raise _damaged(path, 'its contents are not those that were written (sha256)')
    return PackedFile(tensors, metadata['config'], meta, metadata['real'], metadata['surge_mmdet'])


def _tuples(dataset_meta: dict) -> dict:
    """JSON has lists where mmdet has tuples."""
    palette = dataset_meta['palette']
    palette = palette if isinstance(palette, str) else [tuple(color) for color in palette]
    return dict(classes=tuple(dataset_meta['classes']), palette=palette)


def _foreign(path, why: str) -> ValueError:
    return ValueError(f'{path} is no packed detector: {why}. Make one: {PUBLISH}')


def _damaged(path, why: str) -> ValueError:
    return ValueError(
        f'{path} is damaged: {why}. Copy or download it again, or make it again: {PUBLISH}'
    )
