"""The sign function of the field, and the autograd shell of its surrogates."""
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


def binary_sign(x: Tensor) -> Tensor:
    """Return +1 where ``x >= 0`` (also for -0.0) and -1 elsewhere.

    Args:
        x (Tensor): Real values of any shape.

    Returns:
        Tensor: Same shape and dtype as ``x``, values in {-1, +1}.

    Examples:
        >>> binary_sign(torch.tensor([-2., -0., 0., 3.]))
        tensor([-1.,  1.,  1.,  1.])
    """
    return (x >= 0).to(x.dtype).mul_(2).sub_(1)


class _Binarize(torch.autograd.Function):
    """sign forward, ``binarizer.surrogate_grad`` backward."""

    @staticmethod
    def forward(ctx, x, binarizer):
        ctx.save_for_backward(x)
        ctx.binarizer = binarizer
        return binary_sign(x)

    @staticmethod
    def backward(ctx, grad_output):
        x, = ctx.saved_tensors
        return ctx.binarizer.surrogate_grad(grad_output, x), None


class ActivationBinarizer(nn.Module, ABC):
    """Base of all activation binarizers: ``Q(x) = sign(x)``, sign(0) = +1.

    A subclass states one formula, :meth:`surrogate_grad`. Layers with DPGC
    call it directly, because they need the straight-through gradient by
    itself; everything else uses the module as an ordinary function.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Binarise ``x``; differentiable through the surrogate."""
        if torch.is_grad_enabled() and x.requires_grad:
            return _Binarize.apply(x, self)
        return binary_sign(x)

    @abstractmethod
    def surrogate_grad(self, grad_output: Tensor, x: Tensor) -> Tensor:
        """Gradient to ``x``, given the gradient to ``sign(x)``.

        Args:
            grad_output (Tensor): Gradient with respect to ``sign(x)``.
            x (Tensor): The real values, same shape.

        Returns:
            Tensor: Same shape and dtype as ``grad_output``.
        """
