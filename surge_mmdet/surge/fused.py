"""Fast forms of AGS's products; the docstrings state the formulas themselves."""

import torch
from torch import Tensor

from ..kernels.sign_conv import compiled_takes


def guarded(gradient: Tensor, scale: Tensor) -> Tensor:
    """``gradient``, and exactly 0 (NaN too) where the scalar ``scale`` is 0.

    PyTorch's backward of the threshold function selects in one vectorised
    pass; ``masked_fill`` and ``where`` are several times slower on a CPU.
    """
    scale = scale.to(gradient.dtype).expand_as(gradient)
    return torch.ops.aten.threshold_backward(gradient, scale, 0)


def guarded_product(scale: Tensor, gradient: Tensor) -> Tensor:
    """``scale * gradient``, and exactly 0 (not NaN) where ``scale`` is 0."""
    return guarded(gradient, scale).mul_(scale.to(gradient.dtype))


def add_scaled(g_b: Tensor, g_a: Tensor, scale: Tensor) -> Tensor:
    """``g_b + scale * g_a``, and exactly ``g_b`` where ``scale`` is 0."""
    if compiled_takes(g_b, g_a, scale) and g_b.is_contiguous() and g_a.is_contiguous():
        return torch.ops.surge_mmdet.add_scaled(g_b, g_a, scale)
    # Its memory takes the sum: no third tensor.
    total = guarded(g_a, scale).to(g_b.dtype)
    return torch.addcmul(g_b, total, scale.to(g_b.dtype), out=total)
