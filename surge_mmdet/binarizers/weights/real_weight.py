"""Weights that stay real while activations are binary already."""

from torch import Tensor

from ..base import WeightBinarizer


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

    def forward(self, v: Tensor) -> Tensor:
        """``v`` itself."""
        return v

    def scale(self, u: Tensor) -> Tensor:
        """``|u|``, so that scale * sign is the weight; same shape."""
        return u.abs()
