"""Learned values that stay in a range and can always come back to its inside."""

import math

import torch
from torch import Tensor

LEAST = 1e-8


def positive(v: Tensor, least: float = LEAST) -> Tensor:
    r"""``max(|v|, least)``, whose gradient carries the sign of v.

    .. math::
        \frac{\partial}{\partial v} = \begin{cases} 1 & v \ge 0 \\
        -1 & \text{else} \end{cases}

    below ``least`` too, where that of a clamp is 0: a value that has got there
    grows again when a larger one is better. Values from ``least`` on are
    returned bit by bit.

    Args:
        v (Tensor): A scale or a step, any shape.
        least (float): What is returned at least.

    Examples:
        >>> v = torch.tensor([2.0, -3.0, 0.0], requires_grad=True)
        >>> out = positive(v)
        >>> out.sum().backward()
        >>> v.grad
        tensor([ 1., -1.,  1.])
    """
    size = torch.where(v < 0, -v, v)
    return torch.where(size < least, least + (size - size.detach()), size)


def within(v: Tensor, low: float = -math.inf, high: float = math.inf) -> Tensor:
    """``v.clamp(low, high)``, whose gradient is 0 only where it points outside.

    A descent takes a value beyond an edge back inside where that lowers the
    loss, and takes none further out. Behind a clamp it would stay for ever.

    Args:
        v (Tensor): A parameter, any shape.
        low, high (float): The range.

    Examples:
        >>> v = torch.tensor([-5.0, 0.5], requires_grad=True)
        >>> (-within(v, 0.0, 1.0)).sum().backward()  # grows when descending
        >>> v.grad
        tensor([-1., -1.])
    """
    return _Within.apply(v, low, high)


class _Within(torch.autograd.Function):
    """See :func:`within`."""

    @staticmethod
    def forward(ctx, v, low, high):
        ctx.save_for_backward(v)
        ctx.edges = low, high
        return v.clamp(low, high)

    @staticmethod
    def backward(ctx, grad_output):
        (v,), (low, high) = ctx.saved_tensors, ctx.edges
        outwards = ((v < low) & (grad_output > 0)) | ((v > high) & (grad_output < 0))
        return grad_output.masked_fill(outwards, 0), None, None
