"""Binary convolutions on packed signs: compiled kernels, or the same in plain PyTorch.

The compiled library is built with the package where there is a compiler. Which
kernel runs is the processor's choice, or that of the environment variable
``SURGE_KERNEL`` (``avx512-popcount``, ``avx512-lookup``, ``avx2``, ``neon``,
``portable``, or ``torch`` for none of them).
"""

import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import unknown
from . import fake

PLAIN = 'torch'  # the path without compiled kernels
BITS = 32  # signs in one word


@lru_cache
def compiled_kernels() -> tuple:
    """Names of the compiled kernels that this processor can run, best first."""
    for library in sorted(Path(__file__).parent.glob('_C*.so')):
        try:
            torch.ops.load_library(str(library))
        except OSError as error:  # built for another PyTorch or system
            logging.getLogger(__name__).warning('%s cannot be loaded: %s', library, error)
            continue
        fake.register()  # shapes for torch.compile and export
        return tuple(torch.ops.surge_mmdet.kernel_names().split(','))
    logging.getLogger(__name__).warning(
        'surge_mmdet was installed without its compiled kernels: packed detectors run as plain '
        'PyTorch, no faster than simulated ones. To compile them: apt-get install '
        'build-essential; pip install --no-build-isolation --no-deps -e .'
    )
    return ()


def kernel_name(name: Optional[str] = None) -> str:
    """The kernel that will run.

    Args:
        name (str | None): Force this one; None for ``SURGE_KERNEL``, else the
            best.

    Raises:
        ValueError: If there is no such kernel here; the text names those there are.
    """
    name = name or os.environ.get('SURGE_KERNEL', '').strip().lower()
    known = (*compiled_kernels(), PLAIN)
    if not name:
        return known[0]
    if name not in known:
        raise unknown('SURGE_KERNEL', name, known, 'SURGE_KERNEL={}')
    return name


class Filter(NamedTuple):
    """Geometry of a layer; pairs are (vertical, horizontal).

    A linear layer is a filter of one tap on maps of one row.
    """

    channels: int
    outputs: int
    groups: int = 1
    kernel: tuple = (1, 1)
    stride: tuple = (1, 1)
    padding: tuple = (0, 0)
    dilation: tuple = (1, 1)

    @property
    def words(self) -> int:
        """32-bit words of one group of one pixel."""
        return -(-self.channels // self.groups // BITS)

    def size(self, height: int, width: int) -> list:
        """[height, width] of the output."""
        axes = zip((height, width), *self[3:], strict=True)
        return [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes]

    @property
    def numbers(self) -> list:
        """As the compiled operators take it."""
        rest = (self.kernel, self.stride, self.padding, self.dilation)
        return [self.channels, self.outputs, self.groups, *(v for pair in rest for v in pair)]


class Epilogue(NamedTuple):
    """What follows a dot product or a maximum, in this order; None is left out.

    ``v = v * scale + bias; v += shortcut; v += shift_in;
    v = max(v, 0) + slope min(v, 0); v += shift_out; v = clamp(v, low, high)``

    All but ``shortcut``, ``low`` and ``high`` are (outputs, ). ``shortcut`` is
    (N, H, W, C): fewer channels than outputs are repeated, more are averaged
    in groups. ``threshold``: a sign is ``v >= threshold``, None for 0.
    """

    scale: Optional[Tensor] = None
    bias: Optional[Tensor] = None
    shortcut: Optional[Tensor] = None
    shift_in: Optional[Tensor] = None
    slope: Optional[Tensor] = None
    shift_out: Optional[Tensor] = None
    low: Optional[float] = None
    high: Optional[float] = None
    threshold: Optional[Tensor] = None


def pack_signs(
    x: Tensor, threshold: Optional[Tensor] = None, groups: int = 1, kernel: Optional[str] = None
) -> Tensor:
    """Signs of ``x`` as bits: 1 where ``x >= threshold``, so 0 for NaN.

    Args:
        x (Tensor): Real values, (..., channels), contiguous float32.
        threshold (Tensor | None): (channels, ), None for 0.
        groups (int): Each group of channels starts a new word.
        kernel (str | None): See :func:`kernel_name`.

    Returns:
        Tensor: int32, (..., groups * words), words of 32 channels, the lowest
        bit first, zeros behind the last channel.
    """
    kernel = kernel_name(kernel)
    if kernel != PLAIN:
        return torch.ops.surge_mmdet.pack_signs(x, threshold, groups, kernel)
    signs = x >= (0 if threshold is None else threshold)
    signs = signs.unflatten(-1, (groups, -1))
    signs = F.pad(signs, (0, -signs.shape[-1] % BITS)).unflatten(-1, (-1, BITS))
    powers = torch.ones(BITS, dtype=torch.int64, device=x.device) << torch.arange(BITS)
    words = (signs * powers).sum(-1)
    return torch.where(words >= 2**31, words - 2**32, words).int().flatten(-2)


def unpack_signs(bits: Tensor, channels: int, groups: int = 1) -> Tensor:
    """The inverse of :func:`pack_signs`: float32 (..., channels) of -1 and +1."""
    each = bits.unflatten(-1, (groups, -1)).unsqueeze(-1) >> torch.arange(BITS, dtype=torch.int32)
    signs = (each & 1).flatten(-2)[..., : channels // groups]
    return (signs * 2 - 1).float().flatten(-2)


class BinaryWeight(NamedTuple):
    """Weights as one kernel reads them; :func:`pack_weight` makes it.

    Attributes:
        kernel (str): That they are packed for.
        filter (Filter): The layer.
        data (Tensor): The weights in the kernel's own order; for ``torch``
            the float signs (outputs, channels / groups, kH, kW).
        outside (Tensor | None): What taps outside the image add, (taps, outputs).
    """

    kernel: str
    filter: Filter
    data: Tensor
    outside: Optional[Tensor]


def pack_weight(bits: Tensor, layer: Filter, kernel: Optional[str] = None) -> BinaryWeight:
    """Weights of a layer for the kernel that will run.

    Args:
        bits (Tensor): int32, (outputs, kH, kW, words), as :func:`pack_signs`
            gives them for (outputs, kH, kW, channels / groups).
        layer (Filter): The layer.
        kernel (str | None): See :func:`kernel_name`.
    """
    kernel = kernel_name(kernel)
    if kernel == PLAIN:
        signs = unpack_signs(bits, layer.channels // layer.groups)
        return BinaryWeight(kernel, layer, signs.permute(0, 3, 1, 2).contiguous(), None)
    data, outside = torch.ops.surge_mmdet.pack_weights(bits.contiguous(), layer.numbers, kernel)
    return BinaryWeight(kernel, layer, data, outside)


def binary_conv(
    bits: Tensor,
    weight: BinaryWeight,
    epilogue: Epilogue,
    out: bool = True,
    signs: bool = False,
) -> tuple:
    """Binary convolution with everything that follows it, in one pass.

    Args:
        bits (Tensor): Packed signs of the input, int32 (N, H, W, words).
        weight (BinaryWeight): From :func:`pack_weight`.
        epilogue (Epilogue): Affine, shortcut, activation.
        out (bool): Whether to give the real output.
        signs (bool): Whether to give its signs, for the next layer; with
            ``groups=1`` only.

    Returns:
        tuple: (Tensor (N, H', W', outputs) float32 or None, Tensor (N, H', W',
        words) int32 or None).
    """
    if weight.kernel == PLAIN:
        return _plain_conv(bits, weight, epilogue, out, signs)
    e = epilogue
    found = torch.ops.surge_mmdet.binary_conv(
        bits,
        weight.data,
        weight.outside,
        weight.filter.numbers,
        weight.kernel,
        e.scale,
        e.bias,
        e.shortcut,
        e.shift_in,
        e.slope,
        e.shift_out,
        e.low,
        e.high,
        e.threshold,
        out,
        signs,
    )
    return found[0] if out else None, found[1] if signs else None


def _plain_conv(bits: Tensor, weight: BinaryWeight, e: Epilogue, out: bool, signs: bool) -> tuple:
    layer = weight.filter
    x = unpack_signs(bits, layer.channels, layer.groups).permute(0, 3, 1, 2)
    v = F.conv2d(
        x, weight.data, None, layer.stride, layer.padding, layer.dilation, layer.groups
    ).permute(0, 2, 3, 1)
    return finish(v, e, out, signs)


def finish(v: Tensor, e: Epilogue, out: bool, signs: bool) -> tuple:
    """An epilogue in plain PyTorch, on (N, H, W, outputs)."""
    if e.scale is not None:
        v = torch.addcmul(e.bias, v, e.scale)
    if e.shortcut is not None:
        v = v + match_channels(_of_size(e.shortcut, v.shape[1:3]), v.shape[-1])
    v = v if e.shift_in is None else v + e.shift_in
    if e.slope is not None:
        v = torch.addcmul(v.clamp(min=0), v.clamp(max=0), e.slope)
    v = v if e.shift_out is None else v + e.shift_out
    if e.low is not None or e.high is not None:
        v = v.clamp(e.low, e.high)
    v = v.contiguous()
    return v if out else None, pack_signs(v, e.threshold, 1, PLAIN) if signs else None


def _of_size(x: Tensor, size: tuple) -> Tensor:
    if x.shape[1:3] == size:
        return x
    return F.interpolate(x.permute(0, 3, 1, 2), size=size, mode='nearest').permute(0, 2, 3, 1)


def match_channels(x: Tensor, outputs: int) -> Tensor:
    """(..., C) to (..., outputs): repeated, or averaged in groups."""
    channels = x.shape[-1]
    if channels > outputs:
        return x.unflatten(-1, (outputs, channels // outputs)).mean(-1)
    return x if channels == outputs else x.repeat(*[1] * (x.dim() - 1), outputs // channels)
