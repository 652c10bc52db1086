"""Bayesian kernel loss (BONN)."""

import torch
from torch import Tensor, nn

from ..bounds import positive
from ..fused import binary_sign
from ..ranges import check_positive
from .channel_mean import ChannelMean


class BONN(ChannelMean):
    r"""A loss that draws each filter's weights towards two modes.

    .. math::
        Q(W) = \alpha_o \, sign(w_o W), \qquad
        \frac{\partial L}{\partial W} =
        \alpha_o w_o \frac{\partial L}{\partial Q(W)}, \qquad
        \frac{\partial L}{\partial w_o} =
        \alpha_o \sum \frac{\partial L}{\partial Q(W)} W

    .. math::
        L_B = \frac\lambda2 \sum_o \Big( \|sign(W) - w_o W\|^2
        + \nu \sum_\pm \frac{\|W_\pm - \mu_\pm\|^2}{\sigma_\pm^2}
        + \nu \sum_\pm n_\pm \log \sigma_\pm^2 \Big)

    The weights of a filter are split by their signs; mean and variance of
    either side are constants for the gradient. The learned reconstruction
    factor w starts from the least squares, :math:`\sum |W| / \sum W^2`.
    "Bayesian Optimized 1-Bit CNNs" (Gu et al., ICCV 2019), equations 3.97 to
    3.102 of the book "Binary Neural Networks", with one variance for each
    side as Psi. Its levels are -1 and +1; alpha, the mean of \|W\|, is added,
    since pyramids have layers without a norm. Its feature loss is of classes'
    centres and needs an image classifier; it is not part of this.

    Args:
        channels (int): Output channels; the layer fills it in.
        weight (float): lambda.
        modes (float): nu.

    Raises:
        ValueError: Unless ``weight`` and ``modes`` are positive.

    Examples:
        >>> rule = BONN(1)
        >>> weight = torch.tensor([[1.0, 3.0, -2.0, -2.0]])
        >>> rule.start(weight)
        >>> rule.factor.detach()  # 8 / 18
        tensor([0.4444])
    """

    clip = None

    def __init__(self, channels: int, weight: float = 1e-4, modes: float = 1e-4) -> None:
        super().__init__()
        check_positive('BONN', weight=weight, modes=modes)
        self.weight, self.modes = weight, modes
        self.factor = nn.Parameter(torch.ones(channels))

    @torch.no_grad()
    def start(self, v: Tensor) -> None:
        """w from the least squares; 1 for a filter of zeros."""
        rows = v.flatten(1)
        squares = rows.square().sum(1)
        self.factor.copy_(torch.where(squares > 0, rows.abs().sum(1) / squares, 1))

    def transform(self, v: Tensor) -> Tensor:
        """``w v``, with w kept positive."""
        return self._wide(v) * v

    def scale(self, u: Tensor) -> Tensor:
        """The mean of ``|v|``."""
        return super().scale(u) / self._wide(u).detach()

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``alpha grad_output``."""
        return grad_output * self.scale(u).to(grad_output.dtype)

    def extra_loss(self, v: Tensor) -> Tensor:
        """L_B of the layer."""
        rebuilt = (binary_sign(v) - self.transform(v)).square().sum()
        above = v.detach() >= 0
        modes = sum(_mode(v, side) for side in (above, ~above))
        return self.weight / 2 * (rebuilt + self.modes * modes)

    def _wide(self, v: Tensor) -> Tensor:
        return positive(self.factor).view(-1, *[1] * (v.dim() - 1)).to(v.dtype)

    def extra_repr(self) -> str:
        return f'channels={len(self.factor)}, weight={self.weight}, modes={self.modes}'


def _mode(v: Tensor, side: Tensor) -> Tensor:
    """Distance to the mode and log of its width, summed over the filters' weights on a side.

    A side without width, such as one of a single weight, has a width of its
    mean's millionth.
    """
    rows, side = v.flatten(1), side.flatten(1).to(v.dtype)
    with torch.no_grad():
        count = side.sum(1, keepdim=True).clamp(min=1)
        mean = (rows * side).sum(1, keepdim=True) / count
        variance = ((rows - mean).square() * side).sum(1, keepdim=True) / count
        variance = torch.maximum(variance, (mean * 1e-3).square()).clamp(min=1e-12)
    return (((rows - mean).square() / variance + variance.log()) * side).sum()
