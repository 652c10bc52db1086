"""XNOR-Net's scale with XNOR-Net's own gradient."""

from torch import Tensor

from .channel_mean import ChannelMean


class XNOR(ChannelMean):
    r"""XNOR-Net's scale, with the term that its gradient has for the scale.

    .. math::
        Q(W) = \alpha_o \, sign(W), \qquad
        \frac{\partial L}{\partial W_i} =
        \frac{\partial L}{\partial Q(W)_i} (\tfrac1n + \alpha_o 1\{|W_i| \le 1\})

    with n weights in an output channel. "XNOR-Net" (Rastegari et al., ECCV
    2016), equation 6 and, without a number, the gradient at the end of section
    3.1. :class:`ChannelMean` takes alpha as a constant. The paper's factor K of
    the inputs, their mean \|x\| under each window (section 3.2), is left out.

    Examples:
        >>> import torch
        >>> weight = torch.tensor([[3.0, -1.0]], requires_grad=True)
        >>> XNOR()(weight).sum().backward()
        >>> weight.grad
        tensor([[0.5000, 2.5000]])
    """

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output (1/n + alpha 1{|u| <= 1})``."""
        within = super().surrogate_grad(grad_output, u)
        return grad_output / u[0].numel() + within * self.scale(u).to(grad_output.dtype)
