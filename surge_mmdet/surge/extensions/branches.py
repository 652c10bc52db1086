"""Cheaper auxiliary branches; ours, not the paper's.

The results pages have what they were measured to cost and to reach.
"""

import math

from torch import Tensor

from ..branch import Branch
from ..ops import LinearOp

RANK = 4  # LowRank averages output channels in groups of this size


class Tied(Branch):
    """W_a is W_b, or what its rule takes the sign of, so nothing of its own is learnt."""

    own_weight = False


class Pointwise(Branch):
    """W_a is a 1x1 convolution; for padding that keeps the size."""

    def fit(self) -> None:
        """Refuse linear layers, groups and other paddings."""
        op, kernel = self.op, self.shape[2:]
        if isinstance(op, LinearOp) or op.groups > 1:
            raise _refused('pointwise', self)
        geometry = zip(op.padding, op.dilation, kernel, strict=True)
        if not all(2 * p == d * (k - 1) for p, d, k in geometry):
            raise _refused('pointwise', self)
        self.op = op._replace(padding=(0, 0), dilation=(1, 1))
        self.shape = (*self.shape[:2], 1, 1)

    def initial(self, weight: Tensor) -> Tensor:
        """The sum over each kernel."""
        return weight.sum((2, 3), keepdim=True)


class Depthwise(Branch):
    """W_a has a group per channel (the greatest common divisor of both widths)."""

    def fit(self) -> None:
        """Refuse linear layers and groups."""
        if isinstance(self.op, LinearOp) or self.op.groups > 1:
            raise _refused('depthwise', self)
        out, channels = self.shape[:2]
        groups = math.gcd(out, channels)
        self.op = self.op._replace(groups=groups)
        self.shape = (out, channels // groups, *self.shape[2:])

    def initial(self, weight: Tensor) -> Tensor:
        """The blocks on the diagonal."""
        groups = self.op.groups
        blocks = weight.unflatten(0, (groups, -1)).unflatten(2, (groups, -1))
        return blocks.diagonal(dim1=0, dim2=2).movedim(-1, 0).flatten(0, 1)


class LowRank(Branch):
    """W_a has a quarter of the output channels, whose gradients are averaged."""

    def fit(self) -> None:
        """Refuse groups and widths that are no multiple of RANK."""
        out = self.shape[0]
        if out % RANK or self.op.groups > 1:
            raise _refused('lowrank', self)
        self.shape = (out // RANK, *self.shape[1:])

    def initial(self, weight: Tensor) -> Tensor:
        """The mean of each group of output channels."""
        return weight.unflatten(0, (self.shape[0], -1)).mean(1)

    def gradients(self, delta: Tensor, x: Tensor, weight: Tensor, need_weight: bool) -> tuple:
        """As the paper's branch, of the averaged ``delta``."""
        averaged = delta.unflatten(1, (-1, RANK)).mean(2)
        return super().gradients(averaged, x, weight, need_weight)


def _refused(name: str, branch: Branch) -> ValueError:
    return ValueError(
        f'SURGE: branch={name!r} does not fit a layer with weight {branch.shape} and {branch.op}. '
        "Write surge=dict(branch='tied') or 'full' for it, by the policy's overrides."
    )
