"""Learned step size (LSQ) at one bit."""

import torch
from torch import Tensor, nn

from ..bounds import positive
from .sign_ste import SignSTE

LEAST = 1e-5  # of the step


class SignLSQ(SignSTE):
    r"""Sign with a learned step for each layer: levels -s and +s, window s.

    .. math::
        Q(x) = s \, sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx 1\{|x| \le s\}, \qquad
        \frac{\partial Q}{\partial s} = sign(x) - \frac xs 1\{|x| \le s\}

    "Learned Step Size Quantization" (Esser et al., ICLR 2020) with one bit.
    The step's gradient is divided by the root of N, section 2.2 with Q_P = 1:
    N counts the features of one sample (C H W of a map), not of the batch,
    over which the loss is a mean already. s starts from the mean of |x| over
    the first batch, the best step for one bit, and is kept positive. In front
    of a batch norm the levels change nothing; what s learns there is the
    window. The paper learns a step of the weights so too; here they follow
    the layer's own rule, by default :class:`ChannelMean`, whose scale is not
    learned. ``weight_rule=dict(type='LearnableScale')`` comes near: a scale
    for each output channel, with the window \|W\| <= 1.

    Examples:
        >>> lsq = SignLSQ()
        >>> lsq.start(torch.tensor([0.5, -0.5]))
        >>> x = torch.tensor([0.3, 0.9], requires_grad=True)
        >>> y = lsq(x)
        >>> y.sum().backward()
        >>> y.detach(), x.grad
        (tensor([0.5000, 0.5000]), tensor([1., 0.]))
    """

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Parameter(torch.ones(()))

    @torch.no_grad()
    def start(self, v: Tensor) -> None:
        """From the mean of ``|v|``."""
        self.step.fill_(v.abs().mean().clamp(min=LEAST))

    def forward(self, v: Tensor) -> Tensor:
        """``s sign(v)``."""
        step = self._positive()
        slow = v.shape[1:].numel() ** -0.5  # not v[0]: a batch may be empty
        step = step * slow + (step * (1 - slow)).detach()
        step = step.to(v.dtype)
        return step * super().forward(v / step)

    def packed_form(self) -> tuple:
        """(None, s)."""
        return None, self._positive().detach()

    def _positive(self) -> Tensor:
        return positive(self.step, LEAST)

    def extra_repr(self) -> str:
        return ''
