"""From a packed file to a detector that runs."""

import copy
from typing import Optional

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from ..layers import TRAINING_ONLY, BinaryLayer
from . import format as packed_format
from .autocast import without_autocast
from .config_text import from_text
from .fold import pack_model
from .fused.fuse import fuse
from .fused.mmcv_layout import keep_mmcv_right
from .real_storage import decode

COUNTER = 'num_batches_tracked'  # of training, not stored


def load_packed(path, device: str = 'cpu', real_compute: Optional[str] = None) -> nn.Module:
    """A detector from a packed file, for ``mmdet.apis.inference_detector``.

    Args:
        path: Of a ``.safetensors`` file from ``publish_model.py``.
        device (str): ``cpu``, the only one there are kernels for.
        real_compute (str | None): How the fully connected layers of a real box
            head are computed: ``float32``, ``int8`` (weights with a scale per
            output, features with one per region), or ``auto``, int8 where the
            kernel that runs is faster so: every x86 with AVX2. None for the environment variable
            ``SURGE_REAL_COMPUTE``, else ``auto``.

    Returns:
        nn.Module: mmdet's detector, of the class it was trained as, in eval
        mode, with ``cfg`` and ``dataset_meta`` as ``init_detector`` sets them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no packed detector, damaged, or of a later
            release, or if ``device`` or ``real_compute`` cannot be; the text says
            what to do.
    """
    if not _is_cpu(device):
        raise ValueError(
            f'packed detectors run on the CPU, not on {device}. Write load_packed({str(path)!r})'
        )
    content = packed_format.read(path)
    model = build_detector(Config(from_text(content.config, path)))
    fill_packed(model, content.tensors, path, real_compute)
    model.dataset_meta = content.dataset_meta
    return model


def _is_cpu(device) -> bool:
    try:
        return torch.device(str(device).lower()).type == 'cpu'
    except (RuntimeError, TypeError):  # no name of a device
        return False


def build_detector(cfg: Config) -> nn.Module:
    """The detector of a config without weights, ``cfg`` kept with it.

    Raises:
        ValueError: If it cannot be built; the text says why.
    """
    from mmdet.registry import MODELS

    init_default_scope(cfg.get('default_scope', 'mmdet'))
    try:
        model = MODELS.build(copy.deepcopy(cfg.model))  # mmdet writes into it
    except Exception as error:
        raise ValueError(f'the model of the config cannot be built: {error}') from error
    model.cfg = cfg
    return model.eval()


def packed_structure(model: nn.Module, real_too: bool = False) -> dict:
    """Make ``model`` a packed one, in place, without what only training needs.

    Args:
        model, real_too: As :func:`pack_model`.

    Returns:
        dict[str, str]: As :func:`pack_model`: the binary layers that are kept.
    """
    _, kept = pack_model(model, real_too)
    for layer in model.modules():
        if isinstance(layer, BinaryLayer):
            layer.aux_weight, layer.ags, layer.branch = None, None, None
    return kept


def stored_names(model: nn.Module) -> dict:
    """Name in the model to name in the file, of every tensor of a packed model.

    A tensor that several modules share (RTMDet's heads) is stored once, under
    its first name. Counters of batches, and what layers that are kept need in
    training alone, are not stored.
    """
    first = {}
    return {
        name: first.setdefault(id(tensor), name)
        for name, tensor in model.state_dict(keep_vars=True).items()
        if not name.endswith((*TRAINING_ONLY, COUNTER))
    }


def fill_packed(
    model: nn.Module, stored: dict, source, real_compute: Optional[str] = None
) -> nn.Module:
    """Give ``model`` the structure and the tensors of a packed file, in place, and fuse it.

    Args:
        model, stored, source: As :func:`fill_structure`.
        real_compute (str | None): As :func:`load_packed`.

    Raises:
        ValueError: If the file is of another detector.
    """
    fill_structure(model, stored, source)
    return without_autocast(keep_mmcv_right(fuse(model, real_compute)))


def fill_structure(model: nn.Module, stored: dict, source) -> dict:
    """Give ``model`` the structure and the tensors of a packed file, in place.

    Args:
        model (nn.Module): The simulated detector of the file's config.
        stored (dict[str, Tensor]): As the file stores them.
        source: What an error calls the file.

    Returns:
        dict[str, str]: As :func:`packed_structure`: the binary layers that are kept.

    Raises:
        ValueError: If the file is of another detector.
    """
    kept = packed_structure(model, real_too=True)  # what was stored tells
    names = stored_names(model)
    try:
        tensors = decode(stored)
    except ValueError as error:
        raise ValueError(f'{source}: {error}') from error
    _check_fit(model, names, tensors, source)
    wanted = {name: tensors[first] for name, first in names.items()}
    model.load_state_dict(wanted, strict=False)  # but for counters, checked above
    return kept


def _check_fit(model: nn.Module, names: dict, tensors: dict, source) -> None:
    own = model.state_dict()
    wanted = {first: own[first] for first in names.values()}
    wrong = sorted(wanted.keys() ^ tensors.keys()) + [
        f'{name} {tuple(tensors[name].shape)} instead of {tuple(tensor.shape)}'
        for name, tensor in wanted.items()
        if name in tensors and _kind(tensors[name]) != _kind(tensor)
    ]
    if wrong:
        raise ValueError(
            f'{source} does not fit this {type(model).__name__}: {len(wrong)} tensors differ, such '
            f'as {", ".join(wrong[:3])}. It was packed from another config; take its own: '
            f"load_packed({str(source)!r}).cfg.dump('config.py')"
        )


def _kind(tensor: torch.Tensor) -> tuple:
    return tensor.shape, tensor.dtype
