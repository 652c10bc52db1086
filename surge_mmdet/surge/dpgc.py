r"""DPGC: the Dual-Path Gradient Compensator of SURGE (arXiv 2605.10989).

For a binarized linear operator ``op`` with input x, binary weight Q(W_b),
auxiliary real weight W_a and ``delta = dL/dy``:

    forward    y = op(Q(x), Q(W_b))                       W_a plays no part
    g_b        = dQ/dx ( op^T(delta, Q(W_b)) )            the binarizer's surrogate
    g_a        = op^T(delta, W_a)                         not clipped
    dL/dx      = g_b + lambda g_a
    dL/dQ(W_b) = wgrad(Q(x), delta)
    dL/dW_a    = lambda wgrad(x, delta)

Parameters of the binarizer (a threshold, a scale) are parameters of f_b alone
and get their gradient from the same op^T(delta, Q(W_b)).

The operator can be a convolution of signs on the compiled kernels, which take x
and W_b themselves: f_b = alpha op(sign(x), sign(W_b)), alpha after the sum. The
backward is the same, with Q(x) and Q(W_b) made in it.

The paper writes ``y = f_b + (lambda f_a - sg[lambda f_a])``; the value of
f_a cancels, so it is never computed here. `reference.py` has the literal
form, and the tests hold both against each other.
"""

from typing import NamedTuple, Optional

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..binarizers import Binarizer, binary_sign
from ..kernels.sign_conv import float_signs, sign_conv
from .ags import AdaptiveGradientScaler
from .branch import Branch
from .ops import ConvOp, LinearOp


class Paths(NamedTuple):
    """What the two paths of one layer compute with.

    Attributes:
        op (ConvOp | LinearOp): The linear operator.
        binarizer (Binarizer): Q of the activations.
        scaler (AdaptiveGradientScaler | None): Computes lambda.
        branch (Branch | None): How the auxiliary path is computed.
    """

    op: ConvOp | LinearOp
    binarizer: Binarizer
    scaler: Optional[AdaptiveGradientScaler] = None
    branch: Optional[Branch] = None


def dpgc(
    x: Tensor,
    binary_weight: Tensor,
    aux_weight: Optional[Tensor],
    bias: Optional[Tensor],
    paths: Paths,
    scale: Optional[Tensor] = None,
) -> Tensor:
    """``op(Q(x), Q(W_b)) + bias`` with the two-path backward.

    Args:
        x (Tensor): Real input, (N, C, H, W) or (N, C), as ``op`` takes it.
        binary_weight (Tensor): Q(W_b), differentiable.
        aux_weight (Tensor | None): W_a, shaped as the branch says. None gives
            a plain binary layer: dL/dx = g_b.
        bias (Tensor | None): (out_channels, ).
        paths (Paths): Operator, binarizer, scaler and branch.
        scale (Tensor | None): (outputs, ), for the compiled kernels. With it
            ``binary_weight`` is the latent weight (:meth:`Binarizer.latent`),
            and Q(W_b) is ``scale`` times its signs.
    """
    x_b = x_a = x
    if aux_weight is not None:
        x_b, x_a, aux_weight = _Fork.apply(x, aux_weight, paths)
    inner = paths.binarizer(x_b) if scale is None else paths.binarizer.latent(x_b)
    return _TwoPaths.apply(inner, x_a, binary_weight, scale, aux_weight, bias, paths)


class _Fork(torch.autograd.Function):
    """x for either path and W_a; where the gradients of both paths meet again."""

    @staticmethod
    def forward(ctx, x: Tensor, aux_weight: Tensor, paths: Paths) -> tuple:
        ctx.paths = paths
        ctx.set_materialize_grads(False)
        x_b, x_a = x.view_as(x), x.view_as(x)
        if not ctx.needs_input_grad[0]:
            ctx.mark_non_differentiable(x_b, x_a)
        aux_weight = aux_weight.view_as(aux_weight)
        if not ctx.needs_input_grad[1]:  # tied: no gradient of its own
            ctx.mark_non_differentiable(aux_weight)
        return x_b, x_a, aux_weight

    @staticmethod
    @once_differentiable
    def backward(ctx, g_b: Tensor, g_a: Tensor, grad_aux: Tensor) -> tuple:
        scaler, branch = ctx.paths.scaler, ctx.paths.branch
        if g_b is None or g_a is None:
            # Nothing in front of this layer learns, so there is nothing to
            # compensate; a zero keeps W_a a used parameter for DDP.
            return g_b, None if grad_aux is None else torch.zeros_like(grad_aux), None
        grad_x, scale = scaler.add(g_b, g_a)
        if grad_aux is not None:
            grad_aux = branch.scale_grad(scale, scaler.last_was_finite(), grad_aux)
        return grad_x, grad_aux, None


class _TwoPaths(torch.autograd.Function):
    """The binary operator; its backward computes g_a and W_a's gradient too.

    Without a scale it takes Q(x) and Q(W_b), else what their signs are taken of.
    """

    @staticmethod
    def forward(
        ctx,
        inner: Tensor,
        x: Tensor,
        weight: Tensor,
        scale: Optional[Tensor],
        aux_weight: Optional[Tensor],
        bias: Optional[Tensor],
        paths: Paths,
    ) -> Tensor:
        # A plain sign is cheaper to compute again than to keep.
        ctx.plain = scale is None and not paths.binarizer.own_parts
        kept = None if ctx.plain else inner
        ctx.save_for_backward(kept, x, weight, scale, aux_weight)
        ctx.paths = paths
        if scale is not None:
            return sign_conv(inner, weight, scale, bias, paths.op.filter(weight))
        dtype = compute_dtype(x)
        bias = None if bias is None else bias.to(dtype)
        return paths.op.forward(inner.to(dtype), weight.to(dtype), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, delta: Tensor) -> tuple:
        need_inner, need_x, need_weight, _, need_aux, need_bias, _ = ctx.needs_input_grad
        inner, x, weight, scale, aux_weight = ctx.saved_tensors
        if scale is not None:
            inner, weight = float_signs(inner), float_signs(weight, scale)
        elif ctx.plain:
            inner = binary_sign(x)
        grad_inner, grad_weight = ctx.paths.op.gradients(
            delta,
            inner.to(delta.dtype),
            weight.to(delta.dtype),
            need_inner,
            need_weight,
        )
        g_a, grad_aux = None, None
        if aux_weight is not None and need_x:
            g_a, grad_aux = ctx.paths.branch.gradients(delta, x, aux_weight, need_aux)
        elif need_aux:
            grad_aux = torch.zeros_like(aux_weight)
        grad_bias = bias_gradient(delta) if need_bias else None
        return grad_inner, g_a, grad_weight, None, grad_aux, grad_bias, None


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
