"""Ternary activations (TBN): a neighbour of two bits."""

from torch import Tensor

from ..fused import binary_sign
from ..ranges import check_positive
from .sign_ste import SignSTE


class Ternary(SignSTE):
    r"""Levels -1, 0 and +1: two bits for each value, no 1-bit method.

    .. math::
        Q(x) = sign(x) 1\{|x| > \Delta\}, \qquad \Delta = r \, mean|x|, \qquad
        \frac{\partial Q}{\partial x} \approx 1\{|x| \le 1\}

    "TBN: Convolutional Neural Network with Ternary Inputs and Binary
    Weights" (Wan et al., ECCV 2018), with r = 0.4. It stands beside the
    1-bit methods to show what a second bit buys, and is never packed.

    Args:
        ratio (float): The factor r.

    Raises:
        ValueError: Unless ``ratio`` is positive.

    Examples:
        >>> import torch
        >>> Ternary()(torch.tensor([1.0, -0.2, 0.5, -0.7]))
        tensor([ 1.,  0.,  1., -1.])
    """

    bits = 2

    def __init__(self, ratio: float = 0.4) -> None:
        super().__init__()
        check_positive('Ternary', ratio=ratio)
        self.ratio = ratio

    def quantize(self, u: Tensor) -> Tensor:
        """``sign(u)``, 0 where ``|u|`` is small."""
        size = u.detach().abs()
        mean = size.mean(dtype=None if size.dtype.itemsize > 2 else size.float().dtype)
        return binary_sign(u).masked_fill_(size <= self.ratio * mean, 0)

    def extra_repr(self) -> str:
        return f'ratio={self.ratio}'
