"""Adaptive binary sets of weights (AdaBin)."""

from torch import Tensor

from ..base import WeightBinarizer
from ..ranges import check_rising
from ..slopes import geometric, tanh_slope

EPS = 1e-5  # of the distance: equal weights have none


class AdaBinWeight(WeightBinarizer):
    r"""Two levels for each filter, b - a and b + a, from its mean and deviation.

    .. math::
        Q(W) = a_o \, sign(u) + b_o, \qquad u = \frac{W - b_o}{a_o}, \qquad
        b_o = mean_o(W), \qquad a_o = std_o(W), \qquad
        \frac{\partial sign}{\partial u} \approx k t (1 - \tanh^2(t u))

    with the progress p, ``t = t_min (t_max / t_min)^p`` and
    ``k = max(1/t, 1)``; the gradient goes through a and b too. "AdaBin:
    Improving Binary Neural Networks with Adaptive Binary Sets" (Tu et al.,
    ECCV 2022). With :class:`AdaBin` on the activations it
    is the whole method; its Maxout is a PReLU with a learned positive slope,
    ``act_cfg=dict(type='PReLU')`` comes near.

    A layer with an offset b is ``a conv(s, sign) + b conv(s, 1)``: beside the
    bits it needs the sum of the inputs' signs under each window, which packed
    layers have not. It trains and evaluates, and is not packed.

    Args:
        t_min (float): t at the start.
        t_max (float): t at the end.

    Raises:
        ValueError: Unless ``0 < t_min <= t_max``.

    Examples:
        >>> import torch
        >>> AdaBinWeight()(torch.tensor([[3.0, 2.0, -1.0, 0.0]]))
        tensor([[ 2.5811,  2.5811, -0.5811, -0.5811]])
    """

    scheduled = True
    clip = None

    def __init__(self, t_min: float = 0.1, t_max: float = 10.0) -> None:
        super().__init__()
        check_rising('AdaBinWeight', t_min=t_min, t_max=t_max)
        self.t_min, self.t_max = t_min, t_max

    def transform(self, v: Tensor) -> Tensor:
        """u."""
        distance, offset = self.levels(v)
        return (v - offset) / distance

    def forward(self, v: Tensor) -> Tensor:
        """``a sign(u) + b``."""
        distance, offset = self.levels(v)
        return distance * super().forward(v) + offset

    @staticmethod
    def levels(v: Tensor) -> tuple:
        """a and b, each (outputs, 1, ...)."""
        dims = tuple(range(1, v.dim()))
        offset = v.mean(dims, keepdim=True)
        variance = (v - offset).square().mean(dims, keepdim=True)
        return variance.clamp(min=EPS**2).sqrt(), offset

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output k t (1 - tanh(t u)^2)``."""
        slope = tanh_slope(u, geometric(self.t_min, self.t_max, self.progress))
        return grad_output * slope.to(grad_output.dtype)

    def decompose(self, weight: Tensor) -> tuple:
        """Not possible.

        Raises:
            ValueError: Always; the text says why.
        """
        raise ValueError(
            'AdaBinWeight has the levels b - a and b + a, and a packed layer has no term for b, '
            'the sum of the signs under each window. Evaluate the checkpoint unpacked, or train '
            "with weight_rule=dict(type='ChannelMean')."
        )

    def values_beside_bits(self, weight: Tensor) -> int:
        """a and b of each output channel."""
        return 2 * len(weight)

    def real_twin(self, weight: Tensor) -> Tensor:
        """W itself: with both levels Q(W) stands for W, not for u."""
        return weight.detach()

    def extra_repr(self) -> str:
        return f't_min={self.t_min}, t_max={self.t_max}'
