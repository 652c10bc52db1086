"""Binary convolutions whose map is read band by band, and never is whole in memory."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .maps import Window, pool
from .ops import PLAIN, BinaryWeight, Epilogue, binary_conv

LANES = 16  # outputs of a projection come in multiples of it in the kernels


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
