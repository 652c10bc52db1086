"""Other sums of both gradients; ours, not the paper's."""

from torch import Tensor

from ..ags import add_scaled, l2_norm

TINY = 1e-30


def norm_preserving(g_b: Tensor, g_a: Tensor, scale: Tensor) -> Tensor:
    """``g_b + lambda g_a`` at the length of ``g_b``.

    So depth cannot multiply a growth of (1 + eta) per layer.

    Args:
        g_b, g_a (Tensor): Both gradients, of one shape.
        scale (Tensor): lambda, a scalar.

    Examples:
        >>> import torch
        >>> g_b, g_a = torch.tensor([3., 4.]), torch.tensor([4., 3.])
        >>> norm_preserving(g_b, g_a, torch.tensor(0.5)).norm()
        tensor(5.)
    """
    total = add_scaled(g_b, g_a, scale)
    factor = l2_norm(g_b) / l2_norm(total).clamp(min=TINY)
    return total.mul_(factor.to(total.dtype))
