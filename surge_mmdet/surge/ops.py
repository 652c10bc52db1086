"""The linear operators DPGC works on: each with its two gradients."""

from dataclasses import dataclass
from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor


class ConvOp(NamedTuple):
    """A 2-D convolution with zero padding, (N, C, H, W) to (N, O, H', W')."""

    stride: tuple
    padding: tuple
    dilation: tuple
    groups: int

    def forward(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
        return F.conv2d(x, weight, bias, *self)

    def gradients(
        self, delta: Tensor, x: Tensor, weight: Tensor, need_x: bool, need_weight: bool
    ) -> tuple:
        """Gradients to ``x`` and ``weight``; None where not needed."""
        return torch.ops.aten.convolution_backward(
            delta,
            x,
            weight,
            None,
            self.stride,
            self.padding,
            self.dilation,
            False,
            (0, 0),
            self.groups,
            (need_x, need_weight, False),
        )[:2]


@dataclass(frozen=True)
class LinearOp:
    """A matrix product, (N, in_features) to (N, out_features)."""

    # No NamedTuple as above: one without fields would be falsy.

    groups = 1  # as a convolution without groups

    def forward(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
        return F.linear(x, weight, bias)

    def gradients(
        self, delta: Tensor, x: Tensor, weight: Tensor, need_x: bool, need_weight: bool
    ) -> tuple:
        """Gradients to ``x`` and ``weight``; None where not needed."""
        return (
            delta @ weight if need_x else None,
            delta.t() @ x if need_weight else None,
        )
