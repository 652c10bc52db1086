"""Shapes of the auxiliary branch; all but ``full`` are ours, not the paper's.

A branch says what W_a looks like and how g_a and W_a's gradient come from
``delta`` and ``x``. The cheaper ones need a part of the work of ``full``;
docs/surge_options.md has what they were measured to cost and to reach.
"""

import math
from typing import NamedTuple, Optional

import torch
from torch import Tensor, nn

from .ags import guarded_product
from .ops import ConvOp, LinearOp

BRANCHES = ('full', 'tied', 'pointwise', 'depthwise', 'lowrank')
RANK = 4  # lowrank averages output channels in groups of this size


class Branch(NamedTuple):
    """The auxiliary path of one layer.

    Attributes:
        op (ConvOp | LinearOp): The operator of W_a.
        averaged (int): Output channels averaged into one before it.
        dtype (torch.dtype | None): Type to compute in; None for delta's.
        scaled (bool): True for dL/dW_a = lambda wgrad(x, delta), the literal
            reading; False leaves the factor out.
    """

    op: ConvOp | LinearOp
    averaged: int = 1
    dtype: Optional[torch.dtype] = None
    scaled: bool = True

    def gradients(self, delta: Tensor, x: Tensor, weight: Tensor, need_weight: bool) -> tuple:
        """g_a in delta's type, and ``wgrad(x, delta)`` in W_a's if needed."""
        dtype, out = self.dtype or delta.dtype, delta.dtype
        if self.averaged > 1:
            delta = delta.unflatten(1, (-1, self.averaged)).mean(2)
        g_a, grad = self.op.gradients(
            delta.to(dtype), x.to(dtype), weight.to(dtype), True, need_weight
        )
        return g_a.to(out), grad.to(weight.dtype) if need_weight else None

    def scale_grad(self, scale: Tensor, grad: Tensor) -> Tensor:
        """``lambda grad``; lambda is a scalar or (1, C, ...) per channel."""
        if scale.dim() and getattr(self.op, 'groups', 1) > 1:
            blocks = grad.unflatten(0, (self.op.groups, -1))
            scale = scale.view(self.op.groups, 1, -1, 1, 1)
            return guarded_product(scale, blocks).flatten(0, 1)
        return guarded_product(scale, grad)


def make_branch(name: str, layer: nn.Module, op, **options) -> tuple:
    """The :class:`Branch` of a layer and the shape of its W_a.

    Args:
        name (str): One of :data:`BRANCHES`. ``full``: as the weight (paper).
            ``tied``: the latent weight itself, so nothing of its own.
            ``pointwise``: a 1x1 convolution. ``depthwise``: one group per
            channel. ``lowrank``: the weight's shape with a quarter of the
            output channels, whose gradients are averaged in groups of 4.
        layer (nn.Conv2d | nn.Linear): The layer.
        op: Its operator.
        **options: ``dtype`` and ``scaled``.

    Raises:
        ValueError: If the layer cannot have this branch.
    """
    shape = tuple(layer.weight.shape)
    if name in ('full', 'tied'):
        return Branch(op, **options), shape
    if name == 'lowrank':
        if shape[0] % RANK or getattr(op, 'groups', 1) > 1:
            raise _refused(name, layer)
        return Branch(op, RANK, **options), (shape[0] // RANK, *shape[1:])
    if isinstance(op, LinearOp) or op.groups > 1:
        raise _refused(name, layer)
    if name == 'depthwise':
        groups = math.gcd(shape[0], shape[1])
        return (
            Branch(op._replace(groups=groups), **options),
            (shape[0], shape[1] // groups, *shape[2:]),
        )
    same = all(
        2 * p == d * (k - 1) for p, d, k in zip(op.padding, op.dilation, shape[2:], strict=True)
    )
    if not same:
        raise _refused(name, layer)
    one = op._replace(padding=(0, 0), dilation=(1, 1))
    return Branch(one, **options), (*shape[:2], 1, 1)


def _refused(name: str, layer: nn.Module) -> ValueError:
    return ValueError(
        f'SURGE: branch={name!r} does not fit {layer}. Write surge=dict('
        "branch='tied') or 'full' for it, by the policy's overrides."
    )


def like_weight(name: str, weight: Tensor, shape: tuple) -> Tensor:
    """What ``init='copy'`` gives W_a: the latent weight in W_a's shape."""
    if name == 'pointwise':
        return weight.sum((2, 3), keepdim=True)
    if name == 'lowrank':
        return weight.unflatten(0, (shape[0], -1)).mean(1)
    if name == 'depthwise':
        groups = weight.shape[1] // shape[1]
        blocks = weight.unflatten(0, (groups, -1)).unflatten(2, (groups, -1))
        return blocks.diagonal(dim1=0, dim2=2).movedim(-1, 0).flatten(0, 1)
    return weight
