"""A whole binary layer on the kernels: real map and latent weight in, real map out.

Packed detectors keep signs between their layers; in training, and in a simulated
binary model, every layer has real inputs and a weight that changes.
"""

from typing import Optional

import torch
from torch import Tensor
from torch.nn import Parameter

from .ops import PLAIN, Epilogue, Filter, binary_conv, kernel_name, pack_signs, pack_weight

# Shorter sums and fewer outputs are as fast in float: what a layer writes costs more then.
LEAST_PRODUCTS = 128
LEAST_OUTPUTS = 16


def kernels_run(x: Tensor, weight: Tensor, layer: Filter) -> bool:
    """Whether this input of this layer goes through the compiled kernels.

    Small groups are not worth it.
    """
    products = layer.channels * layer.kernel[0] * layer.kernel[1]
    return (
        products // layer.groups >= LEAST_PRODUCTS
        and products < 2**24  # what float32 counts exactly
        and layer.outputs // layer.groups >= LEAST_OUTPUTS
        and compiled_takes(x, weight)
    )


def compiled_takes(*tensors: Tensor) -> bool:
    """Whether compiled operators run on these tensors: float32 on the CPU, and not traced."""
    return (
        all(
            type(t) in (Tensor, Parameter)  # no subclass that means something else
            and t.device.type == 'cpu'
            and t.dtype == torch.float32
            and t.numel() > 0
            for t in tensors
        )
        and not torch.is_autocast_enabled('cpu')
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and kernel_name() != PLAIN
    )


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
    bias = scale.new_zeros(layer.outputs) if bias is None else bias
    if x.dim() == 4 and not (_channels_last(x) or _channels_last(weight)):
        return torch.ops.surge_mmdet.sign_conv(
            x.contiguous(), weight.contiguous(), scale, bias, layer.numbers, kernel_name()
        )
    packed = pack_weight(_signs(weight, 1), layer)
    out, _ = binary_conv(_signs(x, layer.groups), packed, Epilogue(scale, bias))
    return _alone(out.view(-1, layer.outputs) if x.dim() == 2 else out.permute(0, 3, 1, 2))


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
    last = x[None, None] if x.dim() == 2 else x.permute(0, 2, 3, 1)
    return pack_signs(last.contiguous(), None, groups)


def _alone(view: Tensor) -> Tensor:
    """The same memory, but no view: an autograd function's output may be changed in place."""
    memory = view.untyped_storage()
    return view.new_empty(0).set_(memory, view.storage_offset(), view.shape, view.stride())


def _channels_last(x: Tensor) -> bool:
    """Whether the memory is channels last and nothing else."""
    return (
        x.dim() == 4
        and x.is_contiguous(memory_format=torch.channels_last)
        and not x.is_contiguous()
    )
