"""Magnitude-aware gradient (Bi-Real Net)."""

from torch import Tensor

from .channel_mean import ChannelMean


class MagnitudeAware(ChannelMean):
    r"""XNOR-Net's scale, and it multiplies the gradient too.

    .. math::
        Q(W) = \alpha \, sign(W), \qquad
        \frac{\partial L}{\partial W} =
        \alpha \frac{\partial L}{\partial Q(W)} 1\{|W| \le 1\}

    "Bi-Real Net" (Liu et al., ECCV 2018), section 3.3: the step of a weight
    grows with the magnitude of its filter. Its published code leaves the
    factor out, as :class:`ChannelMean` does. With Adam the factor cancels
    but for epsilon.

    Examples:
        >>> import torch
        >>> weight = torch.tensor([[1.0, -0.5]], requires_grad=True)
        >>> MagnitudeAware()(weight).sum().backward()
        >>> weight.grad
        tensor([[0.7500, 0.7500]])
    """

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``alpha grad_output`` where ``|u| <= 1``."""
        return super().surrogate_grad(grad_output, u) * self.scale(u).to(grad_output.dtype)
