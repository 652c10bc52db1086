"""Rotated weights (RBNN)."""

import math

import torch
from torch import Tensor, nn

from ..ranges import check_positive, check_rising
from ..slopes import geometric, parabola_slope
from .learnable_scale import LearnableScale
from .standardize import standardize


class RBNN(LearnableScale):
    r"""Weights are rotated towards their signs before the sign is taken.

    .. math::
        w' = w + |\sin \beta_o| \, (R_1^T w R_2 - w), \qquad
        Q(W) = s_o \, sign(w'), \qquad
        \frac{\partial sign}{\partial w'} \approx
        k \max(\sqrt 2 t - t^2 |w'|, 0)

    with w the standardised filter as a matrix of a x b values, one pair of
    rotations for the layer, ``t = t_min (t_max / t_min)^p`` and
    ``k = max(1/t, 1)``. The gradient of w' goes on to beta, and through the
    rotation and the standardising to W. Before each epoch the rotations
    become those that bring w near its signs,
    :math:`\max tr(B^T R_1^T w R_2)`, by rounds of

    .. math::
        B = sign(R_1^T w R_2), \qquad
        R_1 = polar(\textstyle\sum w R_2 B^T), \qquad
        R_2 = polar(\textstyle\sum w^T R_1 B)

    where polar is U V^T of the singular value decomposition. "Rotated Binary
    Neural Network" (Lin et al., NeurIPS 2020). A packed layer has the signs of
    w': a rotation costs nothing at inference.

    Published code renews the rotations in every training step, and takes what
    the rotation adds as a constant, so that W moves as if there were none.
    Here they are renewed once an epoch, as the paper says. They start at
    random, as there, but from numbers of their own: the same in every process,
    and no other layer starts otherwise than without them. beta starts at
    pi/2, where its gradient is 0 but for rounding, as there. Where an epoch
    has few iterations, signs that the rotations turn are not learned again.

    Args:
        channels (int): Output channels; the layer fills it in.
        shape (tuple): Of the weight; the layer fills it in.
        t_min (float): t at the start.
        t_max (float): t at the end.
        rounds (int): How often B, R_1 and R_2 follow each other.

    Raises:
        ValueError: Unless ``0 < t_min <= t_max`` and ``rounds`` is positive.

    Examples:
        >>> rule = RBNN(1, (1, 4))
        >>> weight = torch.tensor([[3.0, 2.0, -1.0, 0.0]])
        >>> before = rule.transform(weight).abs().sum()
        >>> rule.before_epoch(weight)
        >>> after = rule.transform(weight)
        >>> after.abs().sum() > before, after.norm()  # as long as it was
        (tensor(True), tensor(1.7321, grad_fn=<LinalgVectorNormBackward0>))
    """

    scheduled = True
    clip = None
    left: Tensor
    right: Tensor

    def __init__(
        self,
        channels: int,
        shape: tuple,
        t_min: float = 1e-2,
        t_max: float = 10.0,
        rounds: int = 3,
    ) -> None:
        super().__init__(channels)
        check_rising('RBNN', t_min=t_min, t_max=t_max)
        check_positive('RBNN', rounds=rounds)
        self.t_min, self.t_max, self.rounds = t_min, t_max, rounds
        rows, columns = near_square(math.prod(shape[1:]))
        self.angle = nn.Parameter(torch.full((channels,), math.pi / 2))
        generator = torch.Generator().manual_seed(math.prod(shape[1:]))
        for name, size in (('left', rows), ('right', columns)):
            start = torch.randn(size, size, generator=generator)
            self.register_buffer(name, polar(start))

    def transform(self, v: Tensor) -> Tensor:
        """w'."""
        w = standardize(v)
        added = self._rotated(self._matrices(w)).reshape(w.shape) - w
        size = self.angle.sin().abs().view(-1, *[1] * (v.dim() - 1))
        return w + size.to(w.dtype) * added

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output k max(sqrt(2) t - t^2 |u|, 0)``."""
        slope = parabola_slope(u, geometric(self.t_min, self.t_max, self.progress))
        return grad_output * slope.to(grad_output.dtype)

    @torch.no_grad()
    def before_epoch(self, weight: Tensor) -> None:
        """The rotations that bring the weights near their signs."""
        w = self._matrices(standardize(weight.to(self.left.dtype)))
        for _ in range(self.rounds):
            signs = torch.where(self._rotated(w) >= 0, 1.0, -1.0).to(w.dtype)
            self.left.copy_(polar((w @ self.right @ signs.mT).sum(0)))
            self.right.copy_(polar((w.mT @ self.left @ signs).sum(0)))

    def _matrices(self, w: Tensor) -> Tensor:
        return w.reshape(len(w), len(self.left), len(self.right))

    def _rotated(self, w: Tensor) -> Tensor:
        # Products of less precision would give other signs in training.
        with torch.autocast(w.device.type, enabled=False):
            return self.left.to(w.dtype).mT @ w @ self.right.to(w.dtype)

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, t_min={self.t_min}, t_max={self.t_max}'


def near_square(size: int) -> tuple:
    """Rows and columns of a matrix of ``size`` values, as square as can be.

    Examples:
        >>> near_square(576), near_square(1152), near_square(7)
        ((24, 24), (32, 36), (1, 7))
    """
    rows = max(n for n in range(1, math.isqrt(size) + 1) if size % n == 0)
    return rows, size // rows


def polar(matrix: Tensor) -> Tensor:
    """The orthogonal R with the largest ``tr(R^T matrix)``."""
    u, _, vh = torch.linalg.svd(matrix)
    return u @ vh
