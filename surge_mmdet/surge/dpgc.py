r"""DPGC: the Dual-Path Gradient Compensator of SURGE (arXiv 2605.10989).

For a binarised linear operator ``op`` with input x, binary weight Q(W_b),
auxiliary real weight W_a and ``delta = dL/dy``:

    forward    y = op(sign(x), Q(W_b))                    W_a plays no part
    g_b        = surrogate_x( op^T(delta, Q(W_b)) )       straight-through
    g_a        = op^T(delta, W_a)                         not clipped
    dL/dx      = g_b + lambda g_a
    dL/dQ(W_b) = wgrad(sign(x), delta)
    dL/dW_a    = lambda wgrad(x, delta)

The paper writes ``y = f_b + (lambda f_a - sg[lambda f_a])``; the value of
f_a cancels, so it is never computed here. `reference.py` has the literal
form, and the tests hold both against each other.
"""

from typing import Optional

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..binarizers import ActivationBinarizer, binary_sign
from .ags import AdaptiveGradientScaler
from .branch import Branch
from .ops import ConvOp, LinearOp


def bias_gradient(delta: Tensor) -> Tensor:
    """Sum over all axes but the channels' (axis 1), in float32 at least."""
    dims = [0, *range(2, delta.dim())]
    return delta.sum(dims, dtype=torch.promote_types(delta.dtype, torch.float32))


def compute_dtype(x: Tensor) -> torch.dtype:
    """The dtype autocast asks for, else that of ``x``."""
    kind = x.device.type
    if torch.is_autocast_enabled(kind):
        return torch.get_autocast_dtype(kind)
    return x.dtype


class DPGC(torch.autograd.Function):
    """Binary forward, two-path backward.

    Inputs of ``DPGC.apply``:
        x (Tensor): Real input, (N, C, H, W) or (N, C), as ``op`` takes it.
        binary_weight (Tensor): Q(W_b), differentiable.
        aux_weight (Tensor | None): W_a, shaped as the weight. None gives a
            plain binary layer: dL/dx = g_b.
        bias (Tensor | None): (out_channels, ).
        binarizer (ActivationBinarizer): Knows the surrogate gradient.
        scaler (AdaptiveGradientScaler | None): Computes lambda.
        op (ConvOp | LinearOp): The linear operator.
        branch (Branch | None): How the auxiliary path is computed.
    """

    @staticmethod
    def forward(
        ctx,
        x: Tensor,
        binary_weight: Tensor,
        aux_weight: Optional[Tensor],
        bias: Optional[Tensor],
        binarizer: ActivationBinarizer,
        scaler: Optional[AdaptiveGradientScaler],
        op: ConvOp | LinearOp,
        branch: Optional[Branch],
    ) -> Tensor:
        ctx.save_for_backward(x, binary_weight, aux_weight)
        ctx.binarizer, ctx.scaler, ctx.op = binarizer, scaler, op
        ctx.branch = branch
        dtype = compute_dtype(x)
        bias = None if bias is None else bias.to(dtype)
        return op.forward(binary_sign(x).to(dtype), binary_weight.to(dtype), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, delta: Tensor) -> tuple:
        x, binary_weight, aux_weight = ctx.saved_tensors
        need_x, need_weight, need_aux, need_bias = ctx.needs_input_grad[:4]
        grad_signs, grad_weight = ctx.op.gradients(
            delta,
            binary_sign(x).to(delta.dtype),
            binary_weight.to(delta.dtype),
            need_x,
            need_weight,
        )
        grad_x, grad_aux = None, None
        if need_x:
            grad_x = ctx.binarizer.surrogate_grad(grad_signs, x)
        if aux_weight is not None:
            grad_x, grad_aux = _compensate(ctx, delta, x, aux_weight, grad_x, need_aux)
        grad_bias = bias_gradient(delta) if need_bias else None
        return grad_x, grad_weight, grad_aux, grad_bias, None, None, None, None


def _compensate(
    ctx, delta: Tensor, x: Tensor, aux_weight: Tensor, g_b: Optional[Tensor], need_aux: bool
) -> tuple:
    """The auxiliary path: ``g_b + lambda g_a`` and the gradient of W_a."""
    if g_b is None:
        # Nothing in front of this layer learns, so there is nothing to
        # compensate; a zero keeps W_a a used parameter for DDP.
        return None, torch.zeros_like(aux_weight) if need_aux else None
    g_a, grad_aux = ctx.branch.gradients(delta, x, aux_weight, need_aux)
    grad_x, scale = ctx.scaler.add(g_b, g_a, x)
    if need_aux:
        factor = scale if ctx.branch.scaled else ctx.scaler.last_was_finite()
        grad_aux = ctx.branch.scale_grad(factor, grad_aux)
    return grad_x, grad_aux
