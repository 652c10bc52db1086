"""How a packed file stores what has no 1-bit form."""

from collections.abc import Collection

import torch
from torch import Tensor

from ..errors import unknown

REAL = ('float16', 'float32', 'int8')
FINER = dict(float16='float32', float32='float32', int8='float16')
SCALE = ':scale'  # no name in a model has a colon
LEVELS = 127


def check_real(real: str) -> str:
    """``real``, if it is one of :data:`REAL`; else ValueError with the nearest."""
    if real not in REAL:
        raise unknown('--real', real, REAL, '--real {}')
    return real


def encode(tensors: dict, real: str, finer: Collection = (), exact: Collection = ()) -> dict:
    """Tensors as the file stores them.

    Real weights of convolutions and linear layers (two axes and more) become
    ``real``. All with one axis or none stay float32: biases, scales,
    thresholds, slopes and norms are a small share of the bytes, and they
    decide where signs flip.

    Args:
        tensors (dict[str, Tensor]): By name.
        real (str): ``float16``, ``float32``, or ``int8`` with one float32
            scale per index of the first axis, under ``<name>:scale``.
        finer (Collection[str]): Names of weights whose rounding would flip
            signs behind them: float32 in place of float16, float16 in place
            of int8.
        exact (Collection[str]): Names of weights that stay float32: latent
            ones, of which only signs and means are used.

    Raises:
        ValueError: If a tensor holds NaN or infinity; for an unknown ``real``.

    Examples:
        >>> list(encode({'fc.weight': torch.tensor([[0.5, -1.0]])}, 'int8'))
        ['fc.weight', 'fc.weight:scale']
    """
    check_real(real)
    stored = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach()
        if not tensor.is_floating_point():
            stored[name] = tensor
            continue
        if not tensor.isfinite().all():
            raise ValueError(
                f'{name} holds NaN or infinity: the training has diverged. Name an earlier '
                'checkpoint.'
            )
        tensor = tensor.float()
        kind = FINER[real] if name in finer else real
        whole = tensor.dim() < 2 or name in exact
        stored.update(_ENCODERS['float32' if whole else kind](name, tensor))
    return stored


def decode(stored: dict) -> dict:
    """The inverse of :func:`encode`, real tensors in float32.

    Raises:
        ValueError: If an int8 tensor lacks its scales or has others.
    """
    scales = {name: tensor for name, tensor in stored.items() if name.endswith(SCALE)}
    found = {}
    for name, tensor in stored.items():
        if name.endswith(SCALE):
            continue
        if tensor.dtype == torch.int8:
            tensor = _from_int8(name, tensor, scales.pop(name + SCALE, None))
        found[name] = tensor.float() if tensor.is_floating_point() else tensor
    if scales:
        raise ValueError(f'scales without int8 weights: {", ".join(scales)}')
    return found


def _to_float16(name: str, tensor: Tensor) -> dict:
    half = tensor.half()
    return {name: half if half.isfinite().all() else tensor}  # beyond 65504: as it is


def _to_int8(name: str, tensor: Tensor) -> dict:
    scale = tensor.flatten(1).abs().amax(1) / LEVELS
    steps = tensor / _along(scale.clamp(min=torch.finfo(torch.float32).tiny), tensor)
    return {name: steps.round().clamp(-LEVELS, LEVELS).to(torch.int8), name + SCALE: scale}


def _from_int8(name: str, tensor: Tensor, scale) -> Tensor:
    if scale is None or tensor.dim() < 2 or scale.shape != tensor.shape[:1]:
        raise ValueError(f'{name} is int8 without a scale per output channel')
    return tensor.float() * _along(scale.float(), tensor)


def _along(scale: Tensor, tensor: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (tensor.dim() - 1))


_ENCODERS = {
    'float32': lambda name, tensor: {name: tensor},
    'float16': _to_float16,
    'int8': _to_int8,
}
