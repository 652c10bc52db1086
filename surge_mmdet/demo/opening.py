"""Float, simulated and packed detectors from what a user names."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Optional

import numpy as np

from ..shipped import SHIPPED
from .detecting import Found, detect, model_path

KINDS = ('float', 'simulated', 'packed')
PLAIN = 'PyTorch, signs as float32'


class Opened(NamedTuple):
    """A detector that is ready to run.

    Attributes:
        kind (str): One of :data:`KINDS`.
        model (nn.Module): mmdet's, in eval mode.
        bytes (int): Of the packed file; of all weights in float32 otherwise.
        runs_on (str): What computes its convolutions, for a label.
        kernel (str | None): Kernel that is forced while it runs.
    """

    kind: str
    model: object
    bytes: int
    runs_on: str
    kernel: Optional[str] = None

    @property
    def classes(self) -> tuple:
        """Names by label."""
        return tuple(self.model.dataset_meta['classes'])

    def detect(self, image: np.ndarray, score_thr: float, set_up: bool = True) -> Found:
        """As :func:`detecting.detect`; one thread at a time, where a kernel is forced."""
        from ..kernels.forced import use_kernel

        with use_kernel(self.kernel):
            return detect(self.model, image, score_thr, set_up)


def open_packed(word: str) -> Opened:
    """A packed detector.

    Args:
        word (str): Key of :data:`SHIPPED`, or path of a packed file.

    Raises:
        OSError, ValueError: If there is none; the text says what to do.
    """
    path = model_path(word)
    from ..deploy import load_packed
    from ..kernels.ops import kernel_name

    model = load_packed(path)
    return Opened('packed', model, path.stat().st_size, f'kernel {kernel_name()}')


def open_unpacked(word: str) -> Opened:
    """The simulated detector of a packed file: its bits as float signs, without kernels.

    What the file no longer holds, the latent weights, does not change what is found.

    Raises:
        OSError, ValueError: As :func:`open_packed`.
    """
    path = model_path(word)
    from ..deploy import load_packed
    from ..deploy.load import build_detector
    from ..deploy.publish import float_bytes
    from ..kernels.forced import use_kernel
    from ..kernels.ops import PLAIN as KERNEL

    with use_kernel(KERNEL):
        model = load_packed(path, real_compute='float32')
    return Opened('simulated', model, float_bytes(build_detector(model.cfg)), PLAIN, KERNEL)


def open_trained(checkpoint: str, config: Optional[str] = None) -> Opened:
    """A float or simulated detector, whichever the checkpoint holds.

    Args:
        checkpoint (str): Of a training; a file you trust, since it is a pickle.
        config (str | None): Path; None for the one in the checkpoint.

    Raises:
        OSError, ValueError: As :func:`deploy.checkpoint.open_checkpoint`.
    """
    from ..deploy.checkpoint import open_checkpoint
    from ..deploy.publish import float_bytes
    from ..kernels.ops import PLAIN as KERNEL
    from ..layers import BinaryLayer

    model = open_checkpoint(checkpoint, config)
    size = float_bytes(model)
    if any(isinstance(module, BinaryLayer) for module in model.modules()):
        return Opened('simulated', model, size, PLAIN, KERNEL)
    return Opened('float', model, size, 'PyTorch, float32')


def open_one(
    model: Optional[str], checkpoint: Optional[str] = None, config: Optional[str] = None
) -> Opened:
    """The one detector that a command line names.

    Args:
        model (str | None): As :func:`open_packed`; None for ``checkpoint``, or
            else the first of :data:`SHIPPED`.
        checkpoint (str | None): As :func:`open_trained`.
        config (str | None): Likewise.

    Raises:
        OSError, ValueError: If there is none, or two are named.
    """
    if config and not checkpoint:
        raise ValueError(
            f'--config {config} belongs to a checkpoint. Write --checkpoint CHECKPOINT --config '
            f'{config}'
        )
    if model and checkpoint:
        raise ValueError('two detectors are named. Write --model or --checkpoint, not both')
    return (
        open_trained(checkpoint, config)
        if checkpoint
        else open_packed(model or next(iter(SHIPPED)))
    )


def pack(checkpoint: str, config: Optional[str] = None) -> Opened:
    """The packed detector of a checkpoint, through a file in a temporary folder.

    Raises:
        OSError, ValueError: As :func:`deploy.publish.publish`.
    """
    from ..deploy.publish import publish

    with TemporaryDirectory() as folder:
        file = Path(folder) / 'packed.safetensors'
        publish(checkpoint, str(file), config)
        return open_packed(str(file))
