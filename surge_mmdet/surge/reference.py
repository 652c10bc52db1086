"""The literal formula of DPGC in ordinary autograd, for tests and benchmarks.

It computes the auxiliary convolution that `dpgc.py` leaves out, and is what
the paper's "nearly doubled" cost refers to. Do not train with it.
"""

from typing import Optional

import torch
from torch import Tensor

from ..binarizers import Binarizer
from .ags import gradient_scale, l2_norm
from .ops import ConvOp


def literal_dpgc(
    x: Tensor,
    binary_weight: Tensor,
    aux_weight: Tensor,
    bias: Optional[Tensor],
    binarizer: Binarizer,
    op: ConvOp,
    scale: Tensor,
) -> Tensor:
    """``f_b + (lambda f_a - sg[lambda f_a])`` with a given lambda.

    This grouping is the one that leaves the forward value bit-exact.

    Args:
        x (Tensor): Real input, (N, C, H, W).
        binary_weight (Tensor): Q(W_b).
        aux_weight (Tensor): W_a.
        bias (Tensor | None): Bias of the binary branch.
        binarizer (Binarizer): Gives Q(x) and its surrogate.
        op (ConvOp): The convolution.
        scale (Tensor): lambda, a scalar; no gradient flows through it.
    """
    f_b = op.forward(binarizer(x), binary_weight, bias)
    scaled = scale.detach() * op.forward(x, aux_weight, None)
    return f_b + (scaled - scaled.detach())


def literal_scale(
    delta: Tensor,
    x: Tensor,
    binary_weight: Tensor,
    aux_weight: Tensor,
    binarizer: Binarizer,
    op: ConvOp,
    eta: float,
    max_scale: float,
) -> Tensor:
    """lambda of AGS for a known ``delta``: both norms by autograd."""
    leaf = x.detach().requires_grad_()
    paths = ((binary_weight, binarizer(leaf)), (aux_weight, leaf))
    norm_b, norm_a = (
        l2_norm(torch.autograd.grad(op.forward(inner, weight.detach(), None), leaf, delta)[0])
        for weight, inner in paths
    )
    return gradient_scale(norm_b, norm_a, eta, max_scale)
