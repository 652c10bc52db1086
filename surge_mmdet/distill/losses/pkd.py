"""Distillation by the correlation of feature maps (PKD)."""

from collections.abc import Sequence
from typing import Optional

from torch import Tensor

from ...losses import Context
from .base import FeatureLoss, Pair

LEAST = 1e-3  # of a channel's deviation: a dead channel would get a gradient of 1 / eps


class PKD(FeatureLoss):
    r"""One minus the correlation of each channel of student and teacher.

    .. math::
        L = \tfrac12 mean((\hat s - \hat t)^2) = (1 - r) \tfrac{n - 1}n, \qquad
        \hat x = (x - mean(x)) / std(x)

    per channel over the n values of batch, height and width. "PKD: General
    Distillation Framework for Object Detectors via Pearson Correlation
    Coefficient" (Cao et al., NeurIPS 2022), equations 4 to 6. It does not
    see the scale and the offset of a channel, in which binary and real
    features differ most.

    Args:
        weight (float): Of the mean over the levels. The authors add one loss
            for each level, of weight 6 for Faster R-CNN and 10 for RetinaNet:
            on four levels that is 24 and 40 here, and 6 is a quarter of it.
        levels (sequence of int | None): The authors take the first four,
            without the coarsest.

    Examples:
        >>> import torch
        >>> teacher = torch.randn(2, 3, 4, 4)
        >>> from surge_mmdet.losses import Context, View
        >>> context = Context(View([3 * teacher + 2]), View([teacher]))
        >>> round(PKD(6.0)(context).item(), 4)
        0.0
    """

    def __init__(self, weight: float = 6.0, levels: Optional[Sequence] = None) -> None:
        super().__init__(weight, levels)

    def compare(self, pair: Pair, context: Context) -> Tensor:
        """Half the mean square of the difference of standardised maps."""
        return (_standard(pair.student) - _standard(pair.teacher)).square().mean() / 2


def _standard(x: Tensor) -> Tensor:
    dims = (0, 2, 3)
    centred = x - x.mean(dims, keepdim=True)
    count = max(x.numel() // x.shape[1] - 1, 1)
    deviation = (centred.square().sum(dims, keepdim=True) / count).clamp(min=LEAST**2).sqrt()
    return centred / deviation
