"""What upstream OpenMMLab needs on a PyTorch that is younger than it.

MMEngine 0.10.7 reads a checkpoint by ``torch.load(file)``. Since PyTorch 2.6
that refuses every class it does not know, MMEngine's own training history
among them: no training could be resumed or tested. The maintained fork has a
loader of its own; upstream gets one here, by MMEngine's public registration.
"""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Callable

import mmengine
import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version

TORCH_REFUSES = digit_version(torch.__version__) >= digit_version('2.6.0')
DTYPES = ('float64', 'float32', 'int64', 'int32', 'uint32', 'bool')


def needs_loader() -> bool:
    """Whether the installed MMEngine cannot read its own checkpoints."""
    has_its_own = hasattr(mmengine.runner.checkpoint, 'get_torch_safe_globals')
    return TORCH_REFUSES and not has_its_own


def statistic(owner: Any, name: str) -> Callable:
    """The only ``getattr`` that a checkpoint may call.

    A training history lists its statistics as attributes of its class;
    ``getattr`` itself would let a file reach anything.

    Raises:
        UnpicklingError: For another object than the history's class.
    """
    if owner is not HistoryBuffer or name.startswith('_'):
        raise UnpicklingError(f'a checkpoint asks for the attribute {name!r} of {owner!r}')
    return getattr(owner, name)


def safe_globals() -> list:
    """Everything beside tensors that MMEngine's checkpoints consist of."""
    arrays = np._core if hasattr(np, '_core') else np.core
    return [
        HistoryBuffer,
        (statistic, 'builtins.getattr'),
        arrays.multiarray._reconstruct,
        arrays.multiarray.scalar,
        np.ndarray,
        np.dtype,
        *(type(np.dtype(name)) for name in DTYPES),
    ]


def load_from_local(filename: str, map_location: Any) -> dict:
    """Read a checkpoint without running code from it.

    Raises:
        FileNotFoundError: When there is no such file.
        UnpicklingError: When the file holds what no checkpoint needs.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'{filename} can not be found.')
    with torch.serialization.safe_globals(safe_globals()):
        return torch.load(path, map_location=map_location, weights_only=True)


if needs_loader():
    CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
