"""Recurrent bilinear optimisation (RBONN)."""

import torch
from torch import Tensor, nn

from ..bounds import positive
from ..fused import binary_sign
from ..ranges import check_positive
from .learnable_scale import LearnableScale


class RBONN(LearnableScale):
    r"""A learned scale, tied to the weights by a loss, and weights that backtrack.

    .. math::
        Q(W) = s_o \, sign(W), \qquad
        L_R = \frac\lambda2 \sum \|W_o - s_o sign(W_o)\|^2, \qquad
        W^{t+1} = \hat W^{t+1} + |u_o| \, DReLU(W^t)_o

    with the optimiser's step :math:`\hat W^{t+1}`. DReLU(W) is W in the
    output channels whose weights are sparse while 1 / s is dense, and 0
    elsewhere: of all channels, the share tau with the smallest \|W\| is
    sparse, and the share 1 - tau with the largest 1/s dense. The gradient of
    the learned factor u is :math:`\sum (\partial L / \partial W^{t+1})
    DReLU(W^t)`, that of W as in :class:`LearnableScale`. "Recurrent Bilinear
    Optimization for Binary Neural Networks" (Xu et al., ECCV 2022); equations
    3.121 to 3.136 of the authors' book "Binary Neural Networks". Of the two
    forms of L_R in 3.121 this is the first, whose gradient is that of the
    published code.

    Published code adds the gradient of the step before instead of W^t, keeps
    no factor positive and compares indices where it means ranks; this is the
    paper's. Its u starts at 0.2; with W^t itself a filter would grow by a
    fifth in each step, so that it is 0.001 here, and what is learned is its
    multiple, which Adam's steps of a fixed size change slowly (the code has a
    tenth of the rate for u). s starts from mean \|W\|.

    Args:
        channels (int): Output channels; the layer fills it in.
        shape (tuple): Of the weight; the layer fills it in.
        weight (float): lambda.
        sparse (float): tau.
        backtrack (float): u at the start.

    Raises:
        ValueError: Unless the options are positive, and ``sparse`` below 1.

    Examples:
        >>> rule = RBONN(2, (2, 2))
        >>> weight = nn.Parameter(torch.tensor([[0.2, -0.2], [2.0, -2.0]]))
        >>> rule.start(weight)
        >>> rule.backtracked(weight)
        tensor([[ 0.2000, -0.2000],
                [ 0.0000, -0.0000]])
        >>> rule.extra_loss(weight).item()  # each weight is its scale
        0.0
    """

    training_only = ('kept', 'backtrack')
    kept: Tensor

    def __init__(
        self,
        channels: int,
        shape: tuple,
        weight: float = 1e-4,
        sparse: float = 0.6,
        backtrack: float = 1e-3,
    ) -> None:
        super().__init__(channels)
        check_positive('RBONN', weight=weight, backtrack=backtrack)
        check_positive('RBONN', sparse=sparse, rest=1 - sparse)
        self.weight, self.sparse, self.start_factor = weight, sparse, float(backtrack)
        self.backtrack = nn.Parameter(torch.ones(channels))
        self.register_buffer('kept', torch.zeros(shape))

    def transform(self, v: Tensor) -> Tensor:
        """``v``, in which the last step's ``u DReLU`` is; here u gets its gradient."""
        added = self._factor(v) * self.kept.to(v.dtype)
        return v + (added - added.detach())

    def extra_loss(self, v: Tensor) -> Tensor:
        """L_R of the layer."""
        return self.weight / 2 * (v - self._wide(v) * binary_sign(v)).square().sum()

    @torch.no_grad()
    def before_step(self, weight: nn.Parameter) -> None:
        """Add ``u DReLU(W)``; the optimiser then steps from there."""
        self.kept.copy_(self.backtracked(weight))
        weight.add_(self._factor(weight) * self.kept.to(weight.dtype))

    @torch.no_grad()
    def backtracked(self, v: Tensor) -> Tensor:
        """DReLU(W)."""
        border = max(round(self.sparse * len(v)), 1)
        sizes = v.abs().flatten(1).sum(1)
        sparse, dense = _ranks(sizes) < border, _ranks(1 / positive(self.alpha)) >= border
        return v * (sparse & dense).view(-1, *[1] * (v.dim() - 1)).to(v.dtype)

    def _factor(self, v: Tensor) -> Tensor:
        factor = self.start_factor * self.backtrack.abs()
        return factor.view(-1, *[1] * (v.dim() - 1)).to(v.dtype)

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, weight={self.weight}, sparse={self.sparse}'


def _ranks(values: Tensor) -> Tensor:
    """The place of each value in rising order."""
    return values.argsort(stable=True).argsort()
