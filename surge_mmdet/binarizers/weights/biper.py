"""Signs of a periodic function of the weights (BiPer)."""

import torch
from torch import Tensor

from ..ranges import check_positive, check_share
from .learnable_scale import LearnableScale


class BiPer(LearnableScale):
    r"""``s_o sign(sin(w0 W))``, real for the first part of a training.

    .. math::
        Q(W) = s_o \begin{cases} \sin(\omega_0 W) & p < p_1 \\
        sign(\sin(\omega_0 W)) & \text{else} \end{cases}, \qquad
        \frac{\partial L}{\partial W} =
        s_o \omega_0 \cos(\omega_0 W) \frac{\partial L}{\partial Q(W)}, \qquad
        L_\tau = \tau \, mean(1 - \sin^2(\omega_0 W))

    with the progress p of the training; at inference it is always the sign.
    "BiPer: Binary Neural Networks using a Periodic Function" (Vargas et al.,
    CVPR 2024). Its two stages, each a training of its own, are the two parts
    of one here. Its loss is to draw the sine to its signs; published code adds
    :math:`\tau \, mean(\sin^2)`, which draws it to 0, so that this is the
    opposite of the code's. The scale s starts from mean \|W\|, there at random.

    The signs are those of the sine, not of W: at ``|W| > pi / w0`` they
    change again, a weight there is not what a real checkpoint means by it,
    and weight decay pulls weights through sign changes. A checkpoint's
    weights should be below ``pi / (2 w0)``, 0.08 for the default.

    Args:
        channels (int): Output channels; the layer fills it in.
        frequency (float): w0.
        real_until (float): p_1, the share of the training with real weights.
        weight (float): tau.

    Raises:
        ValueError: Unless ``frequency`` and ``weight`` are positive and
            ``real_until`` is in [0, 1].

    Examples:
        >>> rule = BiPer(1)
        >>> weight = torch.tensor([[0.05, 0.1, 0.2]])
        >>> rule(weight).detach(), rule.eval()(weight).detach()
        (tensor([[ 0.8415,  0.9093, -0.7568]]), tensor([[ 1.,  1., -1.]]))
    """

    scheduled = True
    clip = None

    def __init__(
        self,
        channels: int,
        frequency: float = 20.0,
        real_until: float = 0.5,
        weight: float = 0.037,
    ) -> None:
        super().__init__(channels)
        check_positive('BiPer', frequency=frequency, weight=weight)
        check_share('BiPer', real_until=real_until)
        self.frequency, self.real_until, self.weight = frequency, real_until, weight

    def transform(self, v: Tensor) -> Tensor:
        """``sin(w0 v)``."""
        return torch.sin(self.frequency * v)

    def forward(self, v: Tensor) -> Tensor:
        """The sine or its sign, times the scale."""
        binary = super().forward(v)
        if not self.training:
            return binary
        real = self._wide(v) * self.transform(v)
        return torch.where(self.progress < self.real_until, real, binary)

    def extra_loss(self, v: Tensor) -> Tensor:
        """``tau mean(cos^2(w0 v))``."""
        return self.weight * torch.cos(self.frequency * v).square().mean()

    def extra_repr(self) -> str:
        return (
            f'{super().extra_repr()}, frequency={self.frequency}, '
            f'real_until={self.real_until}, weight={self.weight}'
        )
