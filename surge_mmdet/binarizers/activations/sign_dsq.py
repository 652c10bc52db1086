"""Differentiable soft quantization (DSQ) at one bit."""

import math

import torch
from torch import Tensor, nn

from ..base import ActivationBinarizer
from ..bounds import within
from ..ranges import check_rising


class SignDSQ(ActivationBinarizer):
    r"""Sign behind a tanh whose sharpness and range are learned.

    .. math::
        Q(x) = sign(\varphi(x)), \qquad
        \varphi(x) = \frac{\tanh(k (x - m))}{1 - a}, \qquad
        k = \frac{\ln(2/a - 1)}{u - l}, \quad m = \frac{l + u}2

    on [l, u] and constant beyond it; the gradient passes the sign unchanged
    and follows :math:`\varphi`, to x and to a, l and u. "Differentiable Soft
    Quantization" (Gong et al., ICCV 2019), equations 3 to 8, with one
    interval. a in (0, 0.5) is how far the tanh is from the sign. It is half a
    sigmoid of its parameter, kept in [0.001, 0.499] (:func:`within`): in
    float32 the sigmoid alone reaches 0, where k is infinite. The paper
    quantizes the weights so too; here they follow the layer's own rule, by
    default :class:`ChannelMean` with the clipped straight-through estimator.

    Args:
        a (float): Start of a, in [0.001, 0.499].
        lower (float): Start of l.
        upper (float): Start of u.
        learn (bool): Whether a, l and u learn; else they stay.

    Raises:
        ValueError: For a start outside these ranges.

    Examples:
        >>> x = torch.tensor([0.0, 0.5, 1.0, 2.0], requires_grad=True)
        >>> SignDSQ(learn=False)(x).sum().backward()
        >>> x.grad
        tensor([1.3733, 1.0299, 0.4944, 0.0000])
    """

    LEAST = 1e-3  # of u - l
    RANGE = (1e-3, 0.499)  # of a
    sharpness: Tensor
    lower: Tensor
    upper: Tensor

    def __init__(
        self, a: float = 0.2, lower: float = -1.0, upper: float = 1.0, learn: bool = True
    ) -> None:
        super().__init__()
        if not self.RANGE[0] <= a <= self.RANGE[1]:
            raise ValueError(
                f'SignDSQ: a must lie between 0.001 and 0.499, got {a!r}. '
                "Write activation=dict(type='SignDSQ', a=0.2)."
            )
        check_rising('SignDSQ', lower=lower, upper=upper, positive=False)
        values = dict(sharpness=_sharpness(a), lower=lower, upper=upper)
        for name, value in values.items():
            start = torch.tensor(float(value))
            if learn:
                self.register_parameter(name, nn.Parameter(start))
            else:
                self.register_buffer(name, start)

    def transform(self, v: Tensor) -> Tensor:
        """phi(v)."""
        a = torch.sigmoid(within(self.sharpness, *map(_sharpness, self.RANGE))) / 2
        k = torch.log(2 / a - 1) / (self.upper - self.lower).clamp(min=self.LEAST)
        inside = torch.where(v < self.lower, self.lower, v)
        inside = torch.where(v > self.upper, self.upper, inside)
        return torch.tanh(k * (inside - self._middle())) / (1 - a)

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output`` itself: the rest is the derivative of phi."""
        return grad_output

    def packed_form(self) -> tuple:
        """The sign of phi is that of ``x - m``."""
        return self._middle().detach(), None

    def _middle(self) -> Tensor:
        return (self.lower + self.upper) / 2


def _sharpness(a: float) -> float:
    """The parameter of which a is half the sigmoid."""
    return math.log(2 * a / (1 - 2 * a))
