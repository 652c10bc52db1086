"""Max pooling of NHWC maps with what follows it, alone or behind a binary convolution."""

from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .ops import PLAIN, BinaryWeight, Epilogue, Filter, binary_conv, finish, kernel_name

PANEL = 64  # outputs whose weights lie together in the kernels
LANES = 16  # outputs of a projection come in multiples of it there


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


class DirectWeight(NamedTuple):
    """Weights of a real convolution of few channels; :func:`direct_weight` makes it.

    Attributes:
        filter (Filter): The layer; one group, dilation 1.
        plain (Tensor): (outputs, channels, kH, kW).
        data (Tensor): (panels, kH * kW * channels, 64), the order of the kernels.
    """

    filter: Filter
    plain: Tensor
    data: Tensor


def direct_weight(weight: Tensor, layer: Filter) -> DirectWeight:
    """Weights (outputs, channels, kH, kW) of ``layer`` for :func:`direct_conv`."""
    rows = weight.permute(0, 2, 3, 1).flatten(1)
    rows = F.pad(rows, (0, 0, 0, -len(rows) % PANEL)).unflatten(0, (-1, PANEL))
    return DirectWeight(layer, weight, rows.transpose(1, 2).contiguous())


def direct_conv(
    x: Tensor,
    weight: DirectWeight,
    epilogue: Epilogue,
    out: bool = True,
    signs: bool = False,
    kernel: Optional[str] = None,
) -> tuple:
    """A real convolution of few channels, as an image has, with what follows it in one pass.

    Args:
        x (Tensor): (N, H, W, channels) float32, of any strides.
        weight (DirectWeight): From :func:`direct_weight`.
        epilogue (Epilogue): What follows.
        out (bool): Whether to give the real map.
        signs (bool): Whether to give its signs.
        kernel (str | None): See :func:`ops.kernel_name`.

    Returns:
        tuple: As :func:`ops.binary_conv`.
    """
    kernel, layer = kernel_name(kernel), weight.filter
    if kernel == PLAIN:
        y = F.conv2d(x.permute(0, 3, 1, 2), weight.plain, None, layer.stride, layer.padding)
        return finish(y.permute(0, 2, 3, 1), epilogue, out, signs)
    found = torch.ops.surge_mmdet.direct_conv(
        x, weight.data, layer.numbers, kernel, *epilogue, out, signs
    )
    return found[0] if out else None, found[1] if signs else None


def direct_conv_pool(
    x: Tensor, weight: DirectWeight, window: Window, epilogue: Epilogue, signs: bool = False
) -> tuple:
    """:func:`direct_conv`, then :func:`pool`, while its rows are in the cache.

    Args:
        x (Tensor): As of :func:`direct_conv`, like ``weight``.
        weight (DirectWeight): The layer, without its bias.
        window (Window): The pooling.
        epilogue (Epilogue): What follows the pooling; the layer's bias may be
            there too, since it is the same everywhere in a window.
        signs (bool): Whether to give signs of the pooled map.

    Returns:
        tuple: The pooled map and its signs, as :func:`ops.binary_conv`.
    """
    kernel, layer = kernel_name(), weight.filter
    if kernel == PLAIN:
        full, _ = direct_conv(x, weight, Epilogue(), kernel=PLAIN)
        return finish(_plain_pool(full, window), epilogue, True, signs)
    numbers = window.numbers(*layer.size(*x.shape[1:3]))
    found = torch.ops.surge_mmdet.direct_conv_pool(
        x, weight.data, layer.numbers, kernel, numbers, *epilogue, True, signs
    )
    return found[0], found[1] if signs else None


class Projection(NamedTuple):
    """A small linear layer on pixels; :func:`projection` makes it.

    Attributes:
        weight, bias (Tensor): (outputs, channels) and (outputs, ).
        matrix (Tensor): (channels, lanes), the order of the kernels.
        offsets (Tensor): (lanes, ).
    """

    weight: Tensor
    bias: Tensor
    matrix: Tensor
    offsets: Tensor


def projection(weight: Tensor, bias: Tensor) -> Projection:
    """Weights (outputs, channels) and their bias for :func:`binary_conv_project`."""
    weight, bias = weight.detach().clone(), bias.detach().clone()
    rows = F.pad(weight, (0, 0, 0, -len(weight) % LANES))
    return Projection(weight, bias, rows.t().contiguous(), F.pad(bias, (0, -len(bias) % LANES)))


def binary_conv_project(
    bits: Tensor, weight: BinaryWeight, epilogue: Epilogue, linear: Projection
) -> Tensor:
    """:func:`ops.binary_conv`, then a small product of each pixel, while it is in the cache.

    Args:
        bits (Tensor): As of :func:`ops.binary_conv`, like ``weight``.
        weight (BinaryWeight): The layer.
        epilogue (Epilogue): Between convolution and product.
        linear (Projection): The product.

    Returns:
        Tensor: (N, H', W', outputs of ``linear``).
    """
    if weight.kernel == PLAIN:
        full, _ = binary_conv(bits, weight, epilogue)
        return F.linear(full, linear.weight, linear.bias)
    return torch.ops.surge_mmdet.binary_conv_project(
        bits,
        weight.data,
        weight.outside,
        weight.filter.numbers,
        weight.kernel,
        *epilogue[:8],
        linear.matrix,
        linear.offsets,
        len(linear.bias),
    )


def binary_conv_onto(
    bits: Tensor,
    weight: BinaryWeight,
    epilogue: Epilogue,
    below_bits: Tensor,
    below: BinaryWeight,
    below_epilogue: Epilogue,
    signs: bool = False,
) -> tuple:
    """:func:`ops.binary_conv` with the map of another one as its shortcut, which is never whole.

    Args:
        bits (Tensor): As of :func:`ops.binary_conv`, like ``weight``.
        weight (BinaryWeight): The layer.
        epilogue (Epilogue): What follows it; without a shortcut.
        below_bits (Tensor): Input of the other convolution.
        below (BinaryWeight): Its layer.
        below_epilogue (Epilogue): Its ``scale``, ``bias`` and ``shortcut``; the
            rest has to be None.
        signs (bool): Whether to give signs of the output.

    Returns:
        tuple: As :func:`ops.binary_conv`.
    """
    e, inner = epilogue, below_epilogue
    if weight.kernel == PLAIN:
        shortcut, _ = binary_conv(below_bits, below, inner)
        return binary_conv(bits, weight, e._replace(shortcut=shortcut), True, signs)
    found = torch.ops.surge_mmdet.binary_conv_onto(
        bits, weight.data, weight.outside, weight.filter.numbers, weight.kernel,
        e.scale, e.bias, *e[3:],
        signs,
        below_bits, below.data, below.outside, below.filter.numbers, *inner[:3],
    )  # fmt: skip
    return found[0], found[1] if signs else None


def _plain_pool(x: Tensor, window: Window) -> Tensor:
    if window == Window():
        return x
    kernel, stride, padding, ceil = window
    y = F.max_pool2d(x.permute(0, 3, 1, 2), kernel, stride, padding, ceil_mode=ceil)
    return y.permute(0, 2, 3, 1)
