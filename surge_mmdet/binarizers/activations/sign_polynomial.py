"""Piecewise polynomial surrogate (Bi-Real Net)."""

from torch import Tensor

from ..slope_activation import SlopeActivation
from ..slopes import polynomial_slope


class SignPolynomial(SlopeActivation):
    r"""Sign with the second-order approximation of Bi-Real Net.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx \max(2 - 2|x|, 0)

    From "Bi-Real Net" (Liu et al., ECCV 2018), equation 6. The gradient that
    the paper gives the weights is ``weight_rule=dict(type='MagnitudeAware')``.

    Examples:
        >>> import torch
        >>> x = torch.tensor([-1.5, -0.25, 0.5], requires_grad=True)
        >>> SignPolynomial()(x).sum().backward()
        >>> x.grad
        tensor([0.0000, 1.5000, 1.0000])
    """

    clip = 1.0

    def slope(self, u: Tensor) -> Tensor:
        """``max(2 - 2|u|, 0)``."""
        return polynomial_slope(u)
