"""The autograd shell of all weight rules."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from .sign import binary_sign, pass_within


class _BinarizeWeight(torch.autograd.Function):
    """``scale * sign(W)`` forward, clipped straight-through backward."""

    @staticmethod
    def forward(ctx, weight, scale):
        ctx.save_for_backward(weight)
        return binary_sign(weight).mul_(scale)

    @staticmethod
    def backward(ctx, grad_output):
        (weight,) = ctx.saved_tensors
        return pass_within(grad_output, weight, 1.0), None


class WeightScale(nn.Module, ABC):
    r"""Base of weight rules: ``Q(W) = alpha * sign(W)``.

    The straight-through estimator hands the gradient of ``Q(W)`` to the
    latent weight where ``|W| <= 1`` and takes alpha as a constant, as
    Bi-Real Net does: dL/dW = dL/dQ(W) * 1{|W| <= 1}.
    """

    bits = 1  # that one weight takes at inference

    def forward(self, weight: Tensor) -> Tensor:
        """Binary weight of the same shape as the latent ``weight``."""
        return _BinarizeWeight.apply(weight, self.scale(weight.detach()))

    @abstractmethod
    def scale(self, weight: Tensor) -> Tensor:
        """The factor alpha, broadcastable to ``weight``."""
