"""Searching for low-bit weights (SLB) at one bit."""

import torch
from torch import Tensor

from ..base import WeightBinarizer
from ..fused import binary_sign
from ..ranges import check_rising
from ..slopes import geometric


class SLB(WeightBinarizer):
    r"""Training weighs both values by a softmax whose temperature falls.

    .. math::
        Q(W) = m_o \tanh\Big( \frac{W}{2 T m_o} \Big) \text{ in training}, \qquad
        Q(W) = m_o \, sign(W) \text{ at inference}

    ``T = t_start (t_end / t_start)^p`` with the progress p; the gradient is
    that of tanh. With a softmax over the logits of -1 and +1, the expected
    value is the tanh of half their difference, so that one latent weight
    holds both. "Searching for Low-Bit Weights in Quantized Neural Networks"
    (Yang et al., NeurIPS 2020). There the logits start at
    random and the values are -1 and +1; here the difference is W over m, the
    mean \|W\| of a filter before training, so that training starts from the
    real weights and ends at XNOR-Net's.

    Weights are real while training and 1-bit at inference only: no step of
    the training sees the detector that comes out, and the statistics of norms
    are those of soft weights. The paper's second set of statistics for this
    is not part of it; ``t_end`` is small instead, so that at the end nearly
    all weights are at their value.

    Args:
        channels (int): Output channels; the layer fills it in.
        t_start (float): T at the start.
        t_end (float): T at the end.

    Raises:
        ValueError: Unless ``0 < t_end <= t_start``.

    Examples:
        >>> rule = SLB(1, t_start=1.0)
        >>> weight = torch.tensor([[1.0986, -1.0986]])  # ln 3
        >>> rule(weight), rule.eval()(weight)
        (tensor([[ 0.5000, -0.5000]]), tensor([[ 1., -1.]]))
    """

    scheduled = True
    clip = None
    level: Tensor

    def __init__(self, channels: int, t_start: float = 0.5, t_end: float = 0.01) -> None:
        super().__init__()
        check_rising('SLB', t_end=t_end, t_start=t_start)
        self.t_start, self.t_end = t_start, t_end
        self.register_buffer('level', torch.ones(channels))

    @torch.no_grad()
    def start(self, v: Tensor) -> None:
        """m from the mean of ``|v|``."""
        self.level.copy_(v.abs().flatten(1).mean(1).clamp(min=1e-5))

    def forward(self, v: Tensor) -> Tensor:
        """The expected value in training, the likelier one else."""
        level = self._wide(v)
        if not self.training:
            return level * binary_sign(v)
        t = geometric(self.t_start, self.t_end, self.progress).to(v.dtype)
        return level * torch.tanh(v / (2 * t * level))

    def decompose(self, weight: Tensor) -> tuple:
        """(sign(W), m)."""
        return binary_sign(weight.detach()), self._wide(weight)

    def _wide(self, v: Tensor) -> Tensor:
        return self.level.view(-1, *[1] * (v.dim() - 1)).to(v.dtype)

    def extra_repr(self) -> str:
        return f'channels={len(self.level)}, t_start={self.t_start}, t_end={self.t_end}'
