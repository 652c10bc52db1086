"""The linear operators DPGC works on: each with its two gradients."""

from dataclasses import dataclass
from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ..binarizers import binary_sign
from ..kernels.ops import Filter
from ..kernels.sign_conv import kernels_run, sign_conv


class ConvOp(NamedTuple):
    """A 2-D convolution with zero padding, (N, C, H, W) to (N, O, H', W')."""

    stride: tuple
    padding: tuple
    dilation: tuple
    groups: int

    def forward(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
        return F.conv2d(x, weight, bias, *self)

    def filter(self, weight: Tensor) -> Filter:
        """Geometry of a layer with this weight, as the kernels take it."""
        outputs, channels, *kernel = weight.shape
        rest = (self.stride, self.padding, self.dilation)
        return Filter(channels * self.groups, outputs, self.groups, tuple(kernel), *rest)

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

    def filter(self, weight: Tensor) -> Filter:
        """As a convolution of one tap."""
        return Filter(weight.shape[1], weight.shape[0])

    def gradients(
        self, delta: Tensor, x: Tensor, weight: Tensor, need_x: bool, need_weight: bool
    ) -> tuple:
        """Gradients to ``x`` and ``weight``; None where not needed."""
        return (
            delta @ weight if need_x else None,
            delta.t() @ x if need_weight else None,
        )


def sign_product(
    op: ConvOp | LinearOp, x: Tensor, weight: Tensor, scale: Tensor, bias: Optional[Tensor]
) -> Tensor:
    """``scale * op(sign(x), sign(weight)) + bias`` without gradient.

    The factor comes after the sum: sums of signs are integers, which every kernel
    and every order of summation gives alike.

    Args:
        op (ConvOp | LinearOp): The operator.
        x (Tensor): Real input, (N, C, H, W) or (N, C).
        weight (Tensor): Real weight.
        scale (Tensor): (outputs, ).
        bias (Tensor | None): (outputs, ).
    """
    layer = op.filter(weight)
    if kernels_run(x, weight, layer):
        return sign_conv(x, weight, scale, bias, layer)
    out = op.forward(binary_sign(x), binary_sign(weight), None)
    wide = (-1, *[1] * (out.dim() - 2))
    out = out * scale.to(out.dtype).view(wide)
    return out if bias is None else out + bias.to(out.dtype).view(wide)
