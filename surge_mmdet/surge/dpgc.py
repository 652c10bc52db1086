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

The paper writes ``y = f_b + (lambda f_a - sg[lambda f_a])``; the value of
f_a cancels, so it is never computed here. `reference.py` has the literal
form, and the tests hold both against each other.
"""

from typing import NamedTuple, Optional

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..binarizers import Binarizer
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
        aux_weight (Tensor | None): W_a, shaped as the branch says. None gives
            a plain binary layer: dL/dx = g_b.
        bias (Tensor | None): (out_channels, ).
        paths (Paths): Operator, binarizer, scaler and branch.
        *parameters (Tensor): Those of the binarizer, so that they get their
            gradient: ``*paths.binarizer.parameters()``.
    """

    @staticmethod
    def forward(
        ctx,
        x: Tensor,
        binary_weight: Tensor,
        aux_weight: Optional[Tensor],
        bias: Optional[Tensor],
        paths: Paths,
        *parameters: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(x, binary_weight, aux_weight)
        ctx.paths, ctx.parameters = paths, parameters
        dtype = compute_dtype(x)
        bias = None if bias is None else bias.to(dtype)
        return paths.op.forward(paths.binarizer(x).to(dtype), binary_weight.to(dtype), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, delta: Tensor) -> tuple:
        x, binary_weight, aux_weight = ctx.saved_tensors
        need_x, need_weight, need_aux, need_bias, _, *need_own = ctx.needs_input_grad
        leaves = [x.detach().requires_grad_(need_x)]
        leaves += [p for p, need in zip(ctx.parameters, need_own, strict=True) if need]
        with torch.enable_grad():
            quantized = ctx.paths.binarizer(leaves[0])
        grad_quantized, grad_weight = ctx.paths.op.gradients(
            delta,
            quantized.detach().to(delta.dtype),
            binary_weight.to(delta.dtype),
            need_x or any(need_own),
            need_weight,
        )
        grad_x, grad_own = _through(quantized, grad_quantized, leaves, need_x, need_own)
        grad_aux = None
        if aux_weight is not None:
            grad_x, grad_aux = _compensate(ctx.paths, delta, x, aux_weight, grad_x, need_aux)
        grad_bias = bias_gradient(delta) if need_bias else None
        return grad_x, grad_weight, grad_aux, grad_bias, None, *grad_own


def _through(
    quantized: Tensor, gradient: Optional[Tensor], leaves: list, need_x: bool, need_own: list
) -> tuple:
    """Gradients through the binarizer: to x (g_b), and to its parameters."""
    wanted = leaves if need_x else leaves[1:]
    if not wanted:
        return None, [None] * len(need_own)
    found = torch.autograd.grad(
        quantized, wanted, gradient.to(quantized.dtype), materialize_grads=True
    )
    g_b = found[0].to(gradient.dtype) if need_x else None
    own = iter(found[need_x:])
    return g_b, [next(own) if need else None for need in need_own]


def _compensate(
    paths: Paths,
    delta: Tensor,
    x: Tensor,
    aux_weight: Tensor,
    g_b: Optional[Tensor],
    need_aux: bool,
) -> tuple:
    """The auxiliary path: ``g_b + lambda g_a`` and the gradient of W_a."""
    if g_b is None:
        # Nothing in front of this layer learns, so there is nothing to
        # compensate; a zero keeps W_a a used parameter for DDP.
        return None, torch.zeros_like(aux_weight) if need_aux else None
    scaler, branch = paths.scaler, paths.branch
    g_a, grad_aux = branch.gradients(delta, x, aux_weight, need_aux)
    grad_x, scale = scaler.add(g_b, g_a)
    if need_aux:
        grad_aux = branch.scale_grad(scale, scaler.last_was_finite(), grad_aux)
    return grad_x, grad_aux
