"""Slopes that surrogates of activations and of weights share; formulas, no state.

Each takes real values of any shape and gives the slope there, of the same
shape and dtype. Parameters may be numbers or scalar tensors.
"""

import math
from typing import Union

import torch
from torch import Tensor

Number = Union[float, Tensor]


def geometric(low: float, high: float, progress: Tensor) -> Tensor:
    """From ``low`` at progress 0 to ``high`` at 1 by equal factors.

    Examples:
        >>> geometric(0.1, 10.0, torch.tensor(0.5))
        tensor(1.)
    """
    return low * (high / low) ** progress


def tanh_slope(u: Tensor, t: Number) -> Tensor:
    """Derivative of ``k tanh(t u)``, ``k = max(1/t, 1)`` (IR-Net, EDE).

    Examples:
        >>> tanh_slope(torch.tensor([0.0, 0.5]), torch.tensor(1.0))
        tensor([1.0000, 0.7864])
    """
    t = torch.as_tensor(t, dtype=u.dtype, device=u.device)
    return (1 - torch.tanh(t * u).square()) * (t * (1 / t).clamp(min=1))


def parabola_slope(u: Tensor, t: Number) -> Tensor:
    """``k max(sqrt(2) t - t^2 |u|, 0)``, ``k = max(1/t, 1)`` (RBNN).

    Examples:
        >>> parabola_slope(torch.tensor([0.1, 0.2]), torch.tensor(10.0))
        tensor([4.1421, 0.0000])
    """
    t = torch.as_tensor(t, dtype=u.dtype, device=u.device)
    return (math.sqrt(2) * t - t.square() * u.abs()).clamp(min=0) * (1 / t).clamp(min=1)


def polynomial_slope(u: Tensor) -> Tensor:
    """``max(2 - 2 |u|, 0)`` (Bi-Real Net).

    Examples:
        >>> polynomial_slope(torch.tensor([-1.5, -0.25, 0.5]))
        tensor([0.0000, 1.5000, 1.0000])
    """
    return u.abs().mul_(-2).add_(2).clamp_(min=0)


def power_slope(u: Tensor, o: Number, near: float, far: float) -> Tensor:
    """Derivative of ``sign(u) |u|^(1/o)`` for ``near < |u| <= far`` (ReSTE).

    Up to ``near`` it is that of the chord from 0, beyond ``far`` it is 0.

    Examples:
        >>> power_slope(torch.tensor([0.05, 0.5, 1.6]), torch.tensor(3.0), 0.1, 1.5)
        tensor([4.6416, 0.5291, 0.0000])
    """
    size, inverse = u.abs(), 1 / torch.as_tensor(o, dtype=u.dtype, device=u.device)
    curve = inverse * size.clamp(min=near) ** (inverse - 1)
    slope = torch.where(size <= near, near ** (inverse - 1), curve)
    return slope.masked_fill(size > far, 0)


def swish_slope(u: Tensor, beta: float) -> Tensor:
    """Derivative of SignSwish (BNN+); negative where ``beta |u| > 2.4``.

    ``beta (2 - y tanh(y / 2)) / (1 + cosh y)``, ``y = beta u``, written with
    ``exp(-|y|)``, which cannot overflow.

    Examples:
        >>> swish_slope(torch.tensor([0.0, 0.2, 0.5, 100.0]), 5.0)
        tensor([ 5.0000,  3.0237, -0.0846, -0.0000])
    """
    y = (beta * u).abs()
    e = torch.exp(-y)
    return beta * (2 - y * (1 - e) / (1 + e)) * (2 * e / (1 + e).square())


def sine_slope(u: Tensor, omega: float, terms: Number) -> Tensor:
    """Derivative of the square wave's first ``terms`` sines (FDA-BNN).

    ``(4 w / pi) sum_{i < terms} cos((2 i + 1) w u)`` in its closed form
    ``(2 w / pi) sin(2 terms w u) / sin(w u)``.

    Examples:
        >>> sine_slope(torch.tensor([0.0, 0.5, 1.0]), 0.1, 10)
        tensor([1.2732, 1.0718, 0.5798])
    """
    terms = torch.as_tensor(terms, dtype=u.dtype, device=u.device)
    angle = omega * u
    below = torch.sin(angle)
    flat = below.abs() < torch.finfo(u.dtype).eps ** 0.5  # a multiple of pi: the limit
    ratio = torch.sin(2 * terms * angle) / below.masked_fill(flat, 1)
    limit = 2 * terms * torch.cos(angle).sign()
    return (2 * omega / math.pi) * torch.where(flat, limit, ratio)
