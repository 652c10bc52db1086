"""Weights of each output channel with mean 0 and standard deviation 1."""

from torch import Tensor

EPS = 1e-5  # a channel of equal weights becomes zeros, not NaN


def standardize(weight: Tensor) -> Tensor:
    """``(W - mean_o) / std_o``, differentiable; std with n - 1, as in IR-Net.

    Args:
        weight (Tensor): (out_channels, ...).

    Examples:
        >>> import torch
        >>> standardize(torch.tensor([[3., 2., -1., 0.], [1., 1., 1., 1.]]))
        tensor([[ 1.0954,  0.5477, -1.0954, -0.5477],
                [ 0.0000,  0.0000,  0.0000,  0.0000]])
    """
    dims = tuple(range(1, weight.dim()))
    centred = weight - weight.mean(dim=dims, keepdim=True)
    freedom = max(weight[0].numel() - 1, 1)
    variance = centred.square().sum(dim=dims, keepdim=True) / freedom
    return centred / (variance.clamp(min=EPS**2)).sqrt()
