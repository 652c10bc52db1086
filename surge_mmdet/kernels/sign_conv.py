"""A whole binary layer on the kernels: real map and latent weight in, real map out.

Packed detectors keep signs between their layers; in training, and in a simulated
binary model, every layer has real inputs and a weight that changes.
"""

from typing import Optional

import torch
from torch import Tensor
from torch.nn import Parameter

from .ops import BITS, PLAIN, Epilogue, Filter, binary_conv, kernel_name, pack_signs, pack_weight

LANES = 64  # outputs that a kernel computes at a time
# Of the bits and lanes a layer needs, the least it has to fill to be faster than float.
LEAST_FILLED = 1 / 16


def kernels_run(x: Tensor, weight: Tensor, layer: Filter) -> bool:
    """Whether this input of this layer goes through the compiled kernels.

    They take float32 on the CPU. Layers of many small groups fill neither words
    nor lanes, and autocast, torch.compile and tracing want PyTorch's operators.
    """
    return (
        all(
            type(t) in (Tensor, Parameter)  # no subclass that means something else
            and t.device.type == 'cpu'
            and t.dtype == torch.float32
            and t.numel() > 0
            for t in (x, weight)
        )
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not torch.is_autocast_enabled('cpu')
        and filled(layer) >= LEAST_FILLED
        and products(layer) < 2**24
        and kernel_name() != PLAIN
    )


def filled(layer: Filter) -> float:
    """Share of the words' bits and the kernels' lanes that this layer uses."""
    channels, outputs = layer.channels // layer.groups, layer.outputs // layer.groups
    return channels / (layer.words * BITS) * outputs / (-(-outputs // LANES) * LANES)


def products(layer: Filter) -> int:
    """Products of one sum; float32 counts them exactly below 2^24."""
    return layer.channels * layer.kernel[0] * layer.kernel[1]


def sign_conv(
    x: Tensor, weight: Tensor, scale: Tensor, bias: Optional[Tensor], layer: Filter
) -> Tensor:
    """``scale * op(sign(x), sign(weight)) + bias``, the sums exact integers.

    Args:
        x (Tensor): float32 (N, C, H, W) or (N, C).
        weight (Tensor): float32 (O, C / groups, kH, kW) or (O, C).
        scale (Tensor): (O, ).
        bias (Tensor | None): (O, ).
        layer (Filter): The geometry.

    Returns:
        Tensor: (N, O, H', W') in the memory format ``F.conv2d`` would give, or
        (N, O).
    """
    packed = pack_weight(_signs(weight, 1), layer)
    bias = scale.new_zeros(layer.outputs) if bias is None else bias
    out, _ = binary_conv(_signs(x, layer.groups), packed, Epilogue(scale, bias))
    if x.dim() == 2:
        return out.view(-1, layer.outputs)
    if _channels_last(x) or _channels_last(weight):
        return out.permute(0, 3, 1, 2)
    planes = torch.ops.surge_mmdet.to_planes(out.flatten(1, 2))
    return planes.unflatten(2, out.shape[1:3])


def float_signs(x: Tensor, scale: Optional[Tensor] = None) -> Tensor:
    """Signs in {-1, +1} of float32 on the CPU, in one pass; times ``scale`` per row.

    Args:
        x (Tensor): Real values; in the result's memory format.
        scale (Tensor | None): (rows, ), for ``x[0]``, ``x[1]`` ...; None for 1.
    """
    if _channels_last(x):
        return _float_signs(x.permute(0, 2, 3, 1), scale).permute(0, 3, 1, 2)
    return _float_signs(x.contiguous(), scale)


def _float_signs(x: Tensor, scale: Optional[Tensor]) -> Tensor:
    return torch.ops.surge_mmdet.float_signs(x, scale)


def _signs(x: Tensor, groups: int) -> Tensor:
    """Packed signs (N, H, W, words) of (N, C, H, W), or (1, 1, N, words) of (N, C)."""
    if x.dim() == 2:
        return pack_signs(x.contiguous(), None, groups)[None, None]
    if _channels_last(x):
        return pack_signs(x.permute(0, 2, 3, 1), None, groups)
    if x.shape[2:].numel() == 1:
        return pack_signs(x.flatten(1).contiguous(), None, groups)[:, None, None]
    planes = x.contiguous().flatten(2)
    return torch.ops.surge_mmdet.pack_planes(planes, groups).unflatten(1, x.shape[2:])


def _channels_last(x: Tensor) -> bool:
    """Whether the memory is channels last and nothing else."""
    return (
        x.dim() == 4
        and x.is_contiguous(memory_format=torch.channels_last)
        and not x.is_contiguous()
    )
