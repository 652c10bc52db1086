"""Weights that stay real while activations are binary already."""

from torch import Tensor

from ..base import WeightBinarizer
from ..fused import binary_sign


class RealWeight(WeightBinarizer):
    r"""``Q(W) = W``: only the activations of the layer are binary.

    The first step of the two-step recipe: a network with binary activations
    and real weights is trained, then the binary one starts from its weights
    ("Training Binary Neural Networks with Real-to-Binary Convolutions",
    Martinez et al., ICLR 2020; ReActNet, Liu et al., ECCV
    2020). The gradient reaches W unclipped: dL/dW = dL/dQ(W). Such a layer
    is an intermediate of training, of 32 bits per weight, no 1-bit layer.

    Examples:
        >>> import torch
        >>> rule = RealWeight()
        >>> rule(torch.tensor([[0.5, -3.]]))
        tensor([[ 0.5000, -3.0000]])
        >>> rule.bits
        32
    """

    bits = 32
    clip = None

    def forward(self, v: Tensor) -> Tensor:
        """``v`` itself."""
        return v

    def decompose(self, weight: Tensor) -> tuple:
        """Signs, and ``|weight|`` of the same shape as their scale."""
        weight = weight.detach()
        return binary_sign(weight), weight.abs()
