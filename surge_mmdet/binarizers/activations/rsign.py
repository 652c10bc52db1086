"""Sign with a learned threshold for each channel (ReActNet)."""

import torch
from torch import Tensor, nn

from .sign_polynomial import SignPolynomial


class RSign(SignPolynomial):
    r"""Sign of the input minus a threshold that is learned per channel.

    .. math::
        Q(x_c) = sign(x_c - a_c), \qquad
        \frac{\partial Q}{\partial x} \approx \max(2 - 2|x - a|, 0), \qquad
        \frac{\partial Q}{\partial a} = -\frac{\partial Q}{\partial x}

    "ReActNet" (Liu et al., ECCV 2020), equation 1; a starts at 0. Its other
    half, RPReLU, is ``act_cfg=dict(type='RPReLU')``. With SURGE the threshold
    belongs to the binary path: the auxiliary branch sees x, not x - a, and a
    gets the gradient of the binary path alone, which is SURGE's definition to
    the letter, :math:`f_a = conv(x, W_a)`.

    Args:
        channels (int): Input channels; the layer fills it in.

    Examples:
        >>> rsign = RSign(1)
        >>> _ = rsign.threshold.data.fill_(0.5)
        >>> x = torch.tensor([[0.2, 0.5, 0.9]]).T.requires_grad_()
        >>> rsign(x).sum().backward()
        >>> x.grad.flatten(), rsign.threshold.grad
        (tensor([1.4000, 2.0000, 1.2000]), tensor([-4.6000]))
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.zeros(channels))

    def transform(self, v: Tensor) -> Tensor:
        """``v - a``."""
        return v - self.threshold.view(-1, *[1] * (v.dim() - 2)).to(v.dtype)

    def packed_form(self) -> tuple:
        """(a, None)."""
        return self.threshold.detach(), None

    def extra_repr(self) -> str:
        return f'channels={len(self.threshold)}'
