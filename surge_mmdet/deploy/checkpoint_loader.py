"""Packed files in the place of checkpoints, for all that loads with mmengine.

``tools/test.py``, ``DetInferencer``, ``init_detector`` and mmdet's benchmark
load a checkpoint by mmengine's ``CheckpointLoader`` and copy it by its
``load_state_dict``, which only warns of names that do not fit: a packed file
would leave a random detector. So a packed file, known by its ending or by how
it starts, is read by :func:`load_from_packed`, and from then on what it gives
is copied here: the model's layers are swapped for packed ones first, and
everything has to fit. All other checkpoints go the way they always went; what
is none of PyTorch's by its first bytes is refused before anything unpickles it.
"""

import functools
import os
from collections import OrderedDict

from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import checkpoint as mmengine_checkpoint

from ..onnx_detector.file import looks_onnx
from .format import looks_packed

ANY = ''  # mmengine's name of the way that all other local files go
MARK = 'surge_mmdet.packed'  # in the place where PyTorch keeps versions of modules
STARTS = b'PK', b'\x80'  # of torch.save: an archive, before PyTorch 1.6 a pickle


@mmengine_checkpoint.CheckpointLoader.register_scheme(r'.*\.safetensors$', force=True)
def load_from_packed(filename, map_location=None) -> dict:
    """A packed file in the form of a checkpoint: ``state_dict`` and ``meta``.

    Raises:
        FileNotFoundError, ValueError: As :func:`format.read`.
    """
    from .config_text import from_text
    from .format import read

    filename = os.path.expanduser(filename)
    content = read(filename)
    from_text(content.config, filename)  # DetInferencer will execute it: only data may be there
    state_dict = OrderedDict(content.tensors)
    state_dict._metadata = OrderedDict({MARK: str(filename)})
    _watch_copying()
    meta = dict(
        cfg=content.config,
        dataset_meta=content.dataset_meta,
        surge_mmdet_version=content.written_by,
        real=content.real,
    )
    return dict(state_dict=state_dict, meta=meta)


_load_other = mmengine_checkpoint.CheckpointLoader._schemes[ANY]


@mmengine_checkpoint.CheckpointLoader.register_scheme(ANY, force=True)
@functools.wraps(_load_other)
def _load_from_local(filename, map_location=None):
    if looks_packed(os.path.expanduser(filename)):
        return load_from_packed(filename)
    check_kind(filename)
    return _load_other(filename, map_location)


def check_kind(path) -> None:
    """Refuse a file that starts as no checkpoint; a missing or packed one is left to others.

    Raises:
        ValueError: With what to name in its place.
    """
    file = os.path.expanduser(path)
    if not os.path.isfile(file) or looks_packed(file):
        return
    if looks_onnx(file):
        raise ValueError(
            f'{path} is an ONNX file already. Name the checkpoint or packed file it was made of'
        )
    with open(file, 'rb') as content:
        start = content.read(2)
    if not start.startswith(STARTS):
        raise ValueError(
            f'{path} is no checkpoint of a training, or was cut off ({os.path.getsize(file)} '
            'bytes; it does not start as one). Copy it again, or name another one'
        )


def packed_source(state_dict) -> str:
    """The packed file that a state dict is from; empty if it is from none."""
    return (getattr(state_dict, '_metadata', None) or {}).get(MARK, '')


def _watch_copying() -> None:
    original = mmengine_checkpoint.load_state_dict
    if hasattr(original, '_takes_packed'):
        return

    @functools.wraps(original)
    def load_state_dict(module, state_dict, strict=False, logger=None):
        source = packed_source(state_dict)
        if not source:
            return original(module, state_dict, strict, logger)
        from .load import fill_packed

        while is_model_wrapper(module) or isinstance(module, BaseTTAModel):
            module = module.module
        fill_packed(module, state_dict, source)

    load_state_dict._takes_packed = True
    mmengine_checkpoint.load_state_dict = load_state_dict
