"""Rectified clamp unit (ReCU)."""

import math

import torch
from torch import Tensor

from ..ranges import check_rising
from .learnable_scale import LearnableScale
from .standardize import standardize


class ReCU(LearnableScale):
    r"""Weights in the tails are moved in, so that they can change their sign.

    .. math::
        w = 2 \sqrt 2 \, \frac{W - mean_o}{std_o}, \qquad
        B = mean|w|, \qquad q = -B \ln(2 - 2 \tau), \qquad
        Q(W) = s_o \, sign(clamp(w, -q, q))

    The gradient passes the sign unchanged, and through clamp, mean and
    standard deviation to W. tau grows with the progress p,
    :math:`\tau = \tau_0 + (\tau_1 - \tau_0) (e^p - 1) / (e - 1)`.
    "ReCU: Reviving the Dead Weights in Binary Neural Networks" (Xu et al.,
    ICCV 2021), equations 8 to 15. The clamp changes no sign: a share of
    2 (1 - tau) of the weights loses its direct gradient. The scale s is that
    of :class:`LearnableScale`; the paper's code starts it at random. This is
    the paper's weight rule alone: its activations are divided by each
    sample's standard deviation before the slope 2 - 2 \|x\|, while the method
    ``recu`` has Bi-Real Net's slope of x itself.

    Args:
        channels (int): Output channels; the layer fills it in.
        tau_start (float): tau at the start.
        tau_end (float): tau at the end.

    Raises:
        ValueError: Unless ``0.5 < tau_start <= tau_end < 1``.

    Examples:
        >>> rule = ReCU(1)
        >>> rule.transform(torch.tensor([[3., 2., -1., 0.]]))
        tensor([[ 2.7978,  1.5492, -2.7978, -1.5492]])
    """

    scheduled = True
    clip = None

    def __init__(self, channels: int, tau_start: float = 0.85, tau_end: float = 0.99) -> None:
        super().__init__(channels)
        check_rising('ReCU', tau_start=tau_start, tau_end=tau_end)
        if not (tau_start > 0.5 and tau_end < 1):
            raise ValueError(
                'ReCU: 0.5 < tau_start <= tau_end < 1 is needed, got '
                f'tau_start={tau_start}, tau_end={tau_end}. '
                "Write weight_rule=dict(type='ReCU', tau_start=0.85, tau_end=0.99)."
            )
        self.tau_start, self.tau_end = tau_start, tau_end

    def transform(self, v: Tensor) -> Tensor:
        """``clamp(w, -q, q)``."""
        w = standardize(v) * (2 * math.sqrt(2))
        grown = torch.expm1(self.progress) / math.expm1(1)
        tau = self.tau_start + (self.tau_end - self.tau_start) * grown
        bound = (-w.detach().abs().mean() * torch.log(2 - 2 * tau)).to(w.dtype)
        w = torch.where(w < -bound, -bound, w)
        return torch.where(w > bound, bound, w)

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, tau_start={self.tau_start}, tau_end={self.tau_end}'
