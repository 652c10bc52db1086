"""Max pooling of NHWC maps with what follows it, alone or behind a binary convolution."""

from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .ops import PLAIN, BinaryWeight, Epilogue, binary_conv, finish, kernel_name


class Window(NamedTuple):
    """Geometry of a max pooling; pairs are (vertical, horizontal)."""

    kernel: tuple = (1, 1)
    stride: tuple = (1, 1)
    padding: tuple = (0, 0)
    ceil: bool = False

    @classmethod
    def of(cls, pool: nn.MaxPool2d) -> 'Window':
        """The window of a module; see :meth:`fits`."""
        pairs = (pool.kernel_size, pool.stride, pool.padding)
        return cls(*(p if isinstance(p, tuple) else (p, p) for p in pairs), pool.ceil_mode)

    @staticmethod
    def fits(pool: nn.Module) -> bool:
        """Whether it is a max pooling without dilation and indices."""
        plain = type(pool) is nn.MaxPool2d and not pool.return_indices
        return plain and pool.dilation in (1, (1, 1))

    @property
    def apart(self) -> bool:
        """Whether no pixel is in two windows, and each window has all of its pixels."""
        return self.padding == (0, 0) and all(
            k <= s for k, s in zip(self.kernel, self.stride, strict=True)
        )

    def size(self, height: int, width: int) -> list:
        """[height, width] of the pooled map, as ``nn.MaxPool2d``'s."""
        found = []
        for extent, k, s, p in zip((height, width), *self[:3], strict=True):
            count = -(-(extent + 2 * p - k) // s) if self.ceil else (extent + 2 * p - k) // s
            found.append(count if self.ceil and count * s >= extent + p else count + 1)
        return found

    def numbers(self, height: int, width: int) -> list:
        """As the compiled operators take it, for maps of that size."""
        pairs = (*self.kernel, *self.stride, *self.padding)
        return [*pairs, *self.size(height, width)]


def pool(
    x: Tensor,
    window: Window,
    epilogue: Epilogue = Epilogue(),
    out: bool = True,
    signs: bool = False,
    kernel: Optional[str] = None,
) -> tuple:
    """Max pooling, then an epilogue, in one pass; a window of one pixel is the epilogue alone.

    Args:
        x (Tensor): (N, H, W, C), contiguous float32.
        window (Window): Where the maxima are taken.
        epilogue (Epilogue): What follows.
        out (bool): Whether to give the real map.
        signs (bool): Whether to give its signs.
        kernel (str | None): See :func:`ops.kernel_name`.

    Returns:
        tuple: As :func:`ops.binary_conv`.
    """
    kernel = kernel_name(kernel)
    if kernel == PLAIN:
        return finish(_plain_pool(x, window), epilogue, out, signs)
    numbers = window.numbers(*x.shape[1:3])
    found = torch.ops.surge_mmdet.pool(x, numbers, kernel, *epilogue, out, signs)
    return found[0] if out else None, found[1] if signs else None


def binary_conv_pool(
    bits: Tensor,
    weight: BinaryWeight,
    epilogue: Epilogue,
    window: Window,
    pooled: Epilogue,
    signs: bool = False,
) -> tuple:
    """:func:`ops.binary_conv`, then :func:`pool`, while its rows are in the cache.

    Args:
        bits (Tensor): As of :func:`ops.binary_conv`, like ``weight``.
        weight (BinaryWeight): The layer.
        epilogue (Epilogue): Between convolution and pooling.
        window (Window): The pooling.
        pooled (Epilogue): What follows it; ``scale``, ``bias`` and
            ``threshold`` are read, the rest has to be None.
        signs (bool): Whether to give signs of the pooled map.

    Returns:
        tuple: The pooled map and its signs, as :func:`ops.binary_conv`.
    """
    if weight.kernel == PLAIN:
        full, _ = binary_conv(bits, weight, epilogue)
        return pool(full, window, pooled, True, signs, PLAIN)
    layer, e = weight.filter, epilogue
    found = torch.ops.surge_mmdet.binary_conv_pool(
        bits,
        weight.data,
        weight.outside,
        layer.numbers,
        weight.kernel,
        *e[:8],
        window.numbers(*layer.size(*bits.shape[1:3])),
        pooled.scale,
        pooled.bias,
        pooled.threshold,
        True,
        signs,
    )
    return found[0], found[1] if signs else None


def _plain_pool(x: Tensor, window: Window) -> Tensor:
    if window == Window():
        return x
    kernel, stride, padding, ceil = window
    y = F.max_pool2d(x.permute(0, 3, 1, 2), kernel, stride, padding, ceil_mode=ceil)
    return y.permute(0, 2, 3, 1)
