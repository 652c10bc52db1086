"""A learned scale for each output channel."""

import torch
from torch import Tensor, nn

from ..base import WeightBinarizer
from ..bounds import positive
from ..fused import binary_sign


class LearnableScale(WeightBinarizer):
    r"""``Q(W) = s_o sign(W)`` with a learned s > 0 for each output channel.

    .. math::
        s_o = |\alpha_o|, \qquad
        \frac{\partial L}{\partial W} =
        s_o \frac{\partial L}{\partial Q(W)} 1\{|W| \le 1\}, \qquad
        \frac{\partial L}{\partial \alpha_o} =
        sign(\alpha_o) \sum \frac{\partial L}{\partial Q(W)} sign(W)

    As in the published code of RBNN, ReCU and others ("XNOR-Net++", Bulat &
    Tzimiropoulos, BMVC 2019, equation 5, has it first), two things apart.

    The scale cannot be negative (:func:`positive`). That code trains alpha
    itself, which may cross zero; RBONN's takes \|alpha\|, as here. In front of
    a norm a scale changes nothing but the norm's eps term, Adam makes full
    steps of that, and small scales get below zero. There the filter's signs
    are all turned at once, and what follows the latent weight, such as
    SURGE's W_a and ``branch='tied'``, points away from the binary weight.

    And alpha starts from mean \|W\|, XNOR-Net's scale, in ReCU's code at
    random. Of most use where no norm follows: pyramids and heads. LSQ's
    window \|W\| <= s is not used: at s = mean \|W\| 42 % of Gaussian weights
    would get no gradient.

    Args:
        channels (int): Output channels; the layer fills it in.

    Examples:
        >>> rule, weight = LearnableScale(1), torch.tensor([[0.5, -0.1]])
        >>> rule.start(weight)
        >>> rule(weight).detach()
        tensor([[ 0.3000, -0.3000]])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    @torch.no_grad()
    def start(self, v: Tensor) -> None:
        """From the mean of ``|v|`` of each output channel."""
        self.alpha.copy_(v.abs().flatten(1).mean(1))

    def forward(self, v: Tensor) -> Tensor:
        """``s sign(v)``."""
        return self._wide(v) * super().forward(v)

    def decompose(self, weight: Tensor) -> tuple:
        """(sign(t(W)), s)."""
        return binary_sign(self.transform(weight.detach())), self._wide(weight).detach()

    def _wide(self, v: Tensor) -> Tensor:
        return positive(self.alpha).view(-1, *[1] * (v.dim() - 1)).to(v.dtype)

    def extra_repr(self) -> str:
        return f'channels={len(self.alpha)}'
