"""Piecewise polynomial surrogate (Bi-Real Net)."""

from torch import Tensor

from ..base import ActivationBinarizer


class SignPolynomial(ActivationBinarizer):
    r"""Sign with the second-order approximation of Bi-Real Net.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx \max(2 - 2|x|, 0)

    From "Bi-Real Net" (Liu et al., ECCV 2018), equation 6.

    Examples:
        >>> import torch
        >>> x = torch.tensor([-1.5, -0.25, 0.5], requires_grad=True)
        >>> SignPolynomial()(x).sum().backward()
        >>> x.grad
        tensor([0.0000, 1.5000, 1.0000])
    """

    clip = 1.0

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output * max(2 - 2|u|, 0)``."""
        slope = u.abs().mul_(-2).add_(2).clamp_(min=0)
        return slope.to(grad_output.dtype).mul_(grad_output)
