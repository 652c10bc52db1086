"""Rectified straight-through estimator (ReSTE)."""

import math

import torch
from torch import Tensor

from ..ranges import check_rising
from ..slope_activation import SlopeActivation
from ..slopes import power_slope


class SignReSTE(SlopeActivation):
    r"""Sign with a power function between the identity and the sign.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx
        \frac1o |x|^{\frac{1-o}{o}} \quad (m < |x| \le t), \qquad
        o = 1 + (o_{end} - 1)(1 - \cos(\pi p / 2))

    with the progress p in [0, 1]; the chord's slope :math:`m^{1/o} / m` for
    :math:`|x| \le m`, 0 beyond t. "Estimator Meets Equilibrium Perspective: A
    Rectified Straight Through Estimator for Binary Neural Networks
    Training" (Wu et al., ICCV 2023); the course of o is that of its code.
    The paper takes this slope for the weights too; here they follow the
    layer's own rule, by default :class:`ChannelMean` with the clipped
    straight-through estimator.

    Args:
        o_end (float): o at the end; it starts from 1, the identity.
        near (float): m, up to which the slope is bounded.
        far (float): t, beyond which nothing passes.

    Raises:
        ValueError: Unless ``o_end >= 1`` and ``0 < near <= far``.

    Examples:
        >>> import torch
        >>> reste = SignReSTE()
        >>> reste.set_progress(1.0)
        >>> reste.slope(torch.tensor([0.05, 0.5, 1.0, 1.6]))
        tensor([4.6416, 0.5291, 0.3333, 0.0000])
    """

    scheduled = True

    def __init__(self, o_end: float = 3.0, near: float = 0.1, far: float = 1.5) -> None:
        super().__init__()
        check_rising('SignReSTE', near=near, far=far)
        check_rising('SignReSTE', least=1.0, o_end=o_end)
        self.o_end, self.near, self.far = o_end, near, far
        self.clip = far

    def slope(self, u: Tensor) -> Tensor:
        """That of ``sign(u) |u|^(1/o)``, bounded near 0 and cut far from it."""
        o = 1 + (self.o_end - 1) * (1 - torch.cos(self.progress * (math.pi / 2)))
        return power_slope(u, o, self.near, self.far)

    def extra_repr(self) -> str:
        return f'o_end={self.o_end}, near={self.near}, far={self.far}'
