"""Clipped straight-through estimator (BNN)."""

import math

from torch import Tensor

from ..base import ActivationBinarizer, window
from ..fused import pass_within


class SignSTE(ActivationBinarizer):
    r"""Sign with the clipped straight-through estimator.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx 1\{|x| \le c\}

    From "Binarized Neural Networks" (Hubara et al., NeurIPS 2016).

    Args:
        clip (float): Half width c of the window that passes gradient.

    Raises:
        ValueError: If ``clip`` is not a positive finite number.

    Examples:
        >>> import torch
        >>> x = torch.tensor([-1.5, 0.5], requires_grad=True)
        >>> SignSTE()(x).sum().backward()
        >>> x.grad
        tensor([0., 1.])
    """

    clip: float

    def __init__(self, clip: float = 1.0) -> None:
        super().__init__()
        if not (math.isfinite(clip) and clip > 0):
            raise ValueError(
                f'SignSTE: clip must be a positive number, got {clip!r}. '
                "Write activation=dict(type='SignSTE', clip=1.0)."
            )
        self.clip = float(clip)

    @window
    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output * 1{|u| <= clip}``."""
        return pass_within(grad_output, u, self.clip)

    def extra_repr(self) -> str:
        return f'clip={self.clip}'
