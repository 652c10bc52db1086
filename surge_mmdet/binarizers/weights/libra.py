"""Libra parameter binarization (IR-Net)."""

import torch
from torch import Tensor

from ..base import WeightBinarizer
from ..ranges import check_rising
from ..slopes import geometric, tanh_slope
from .standardize import standardize


class Libra(WeightBinarizer):
    r"""Balanced and standardised weights, a power of two as scale, EDE slope.

    .. math::
        w = \frac{W - mean_o}{std_o}, \qquad
        Q(W) = 2^{round(\log_2 mean|w|)} \, sign(w), \qquad
        \frac{\partial sign}{\partial w} \approx k t (1 - \tanh^2(t w))

    with the progress p in [0, 1], ``t = t_min (t_max / t_min)^p`` and
    ``k = max(1/t, 1)``; the gradient goes on through mean and standard
    deviation. "Forward and Backward Information Retention for Accurate
    Binary Neural Networks" (Qin et al., CVPR 2020), equations 6 to 8. After
    standardising, mean \|w\| of weights of any usual distribution lies
    between 0.71 and 1.41, so that the scale is 1: behind each layer has to
    follow a norm. In layers without one :class:`LearnableScale` is the
    better rule.

    Args:
        t_min (float): t at the start.
        t_max (float): t at the end.

    Raises:
        ValueError: Unless ``0 < t_min <= t_max``.

    Examples:
        >>> Libra()(torch.tensor([[3., 2., -1., 0.]]))
        tensor([[ 1.,  1., -1., -1.]])
    """

    scheduled = True
    clip = None

    def __init__(self, t_min: float = 0.1, t_max: float = 10.0) -> None:
        super().__init__()
        check_rising('Libra', t_min=t_min, t_max=t_max)
        self.t_min, self.t_max = t_min, t_max

    def transform(self, v: Tensor) -> Tensor:
        """Each output channel with mean 0 and standard deviation 1."""
        return standardize(v)

    def scale(self, u: Tensor) -> Tensor:
        """A power of two for each output channel; 1 for a channel of zeros."""
        mean = u.abs().mean(dim=tuple(range(1, u.dim())), keepdim=True)
        return torch.where(mean > 0, 2 ** mean.log2().round(), 1)

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output scale k t (1 - tanh(t u)^2)``."""
        slope = tanh_slope(u, geometric(self.t_min, self.t_max, self.progress))
        return grad_output * (slope * self.scale(u)).to(grad_output.dtype)

    def extra_repr(self) -> str:
        return f't_min={self.t_min}, t_max={self.t_max}'
