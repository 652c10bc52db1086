"""The auxiliary path of one layer: what W_a looks like, what g_a and its gradient are."""

from typing import Optional

import torch
from torch import Tensor

from .fused import guarded_product
from .ops import ConvOp, LinearOp


class Branch:
    """The paper's branch: W_a has the shape of the layer's weight.

    Subclasses in ``extensions/`` are cheaper and ours.

    Args:
        op (ConvOp | LinearOp): Operator of the layer.
        shape (tuple): Of the layer's weight, (O, C / groups, kH, kW) or (O, C).
        dtype (torch.dtype | None): Type to compute in; None for delta's.
        scaled (bool): True for dL/dW_a = lambda wgrad(x, delta), the literal
            reading; False leaves the factor out.

    Attributes:
        op (ConvOp | LinearOp): Operator of W_a.
        shape (tuple): Of W_a.
        own_weight (bool): Whether W_a is a parameter of its own.

    Raises:
        ValueError: If the layer cannot have this branch.
    """

    own_weight = True

    def __init__(
        self,
        op: ConvOp | LinearOp,
        shape: tuple,
        dtype: Optional[torch.dtype] = None,
        scaled: bool = True,
    ) -> None:
        self.op, self.shape, self.dtype, self.scaled = op, tuple(shape), dtype, scaled
        self.fit()

    def fit(self) -> None:
        """Change ``op`` and ``shape`` from the layer's to W_a's."""

    def initial(self, weight: Tensor) -> Tensor:
        """What ``init='copy'`` gives W_a: the layer's real weight in W_a's shape."""
        return weight

    def gradients(self, delta: Tensor, x: Tensor, weight: Tensor, need_weight: bool) -> tuple:
        """g_a in delta's type, and ``wgrad(x, delta)`` in W_a's if needed."""
        dtype = self.dtype or delta.dtype
        g_a, grad = self.op.gradients(
            delta.to(dtype), x.to(dtype), weight.to(dtype), True, need_weight
        )
        return g_a.to(delta.dtype), grad.to(weight.dtype) if need_weight else None

    def scale_grad(self, scale: Tensor, finite: Tensor, grad: Tensor) -> Tensor:
        """``lambda grad`` (or ``grad``, see ``scaled``); 0 in a broken step."""
        return guarded_product(scale if self.scaled else finite, grad)
