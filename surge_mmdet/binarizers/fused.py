"""Fast ATen forms of two formulas; the docstrings state the formulas themselves."""

import math

import torch
from torch import Tensor


def binary_sign(x: Tensor) -> Tensor:
    """Return +1 where ``x >= 0`` (also for -0.0) and -1 elsewhere.

    Args:
        x (Tensor): Real values of any shape.

    Returns:
        Tensor: Same shape and dtype as ``x``, values in {-1, +1}.

    Examples:
        >>> binary_sign(torch.tensor([-2., -0., 0., 3.]))
        tensor([-1.,  1.,  1.,  1.])
    """
    if torch.jit.is_tracing():  # ONNX knows no ``out=``
        return (x >= 0).to(x.dtype) * 2 - 1
    # The comparison writes numbers: one pass less than a mask and a cast.
    positive = torch.ge(x.detach(), 0, out=torch.empty_like(x))
    return positive.mul_(2).sub_(1)


def pass_within(gradient: Tensor, x: Tensor, clip: float, in_place: bool = False) -> Tensor:
    """``gradient`` where ``|x| <= clip``, 0 elsewhere.

    PyTorch's backward of hardtanh is this in one vectorised pass, but open
    at the clip, hence the next larger number. On a CPU ``masked_fill`` with
    a random mask is slow.

    Args:
        gradient (Tensor): Of any shape.
        x (Tensor): Same shape.
        clip (float): Bound that still passes.
        in_place (bool): Whether the result may take gradient's memory.

    Examples:
        >>> x = torch.tensor([-1.5, -1.0, 0.5, 1.0])
        >>> pass_within(torch.ones(4), x, 1.0)
        tensor([0., 1., 1., 1.])
    """
    exact = (torch.float32, torch.float64)
    if x.dtype != gradient.dtype or x.dtype not in exact:
        fill = gradient.masked_fill_ if in_place else gradient.masked_fill
        return fill(x.abs() > clip, 0)
    bound = torch.nextafter(
        torch.tensor(clip, dtype=x.dtype), torch.tensor(math.inf, dtype=x.dtype)
    ).item()
    if in_place:
        return torch.ops.aten.hardtanh_backward.grad_input(
            gradient, x, -bound, bound, grad_input=gradient
        )
    return torch.ops.aten.hardtanh_backward(gradient, x, -bound, bound)
