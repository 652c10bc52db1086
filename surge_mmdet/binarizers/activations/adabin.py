"""Adaptive binary sets of activations (AdaBin)."""

import torch
from torch import Tensor, nn

from ..bounds import positive
from .sign_polynomial import SignPolynomial

LEAST = 1e-3  # of half the distance of the levels


class AdaBin(SignPolynomial):
    r"""Two learned levels for each layer, b - a and b + a.

    .. math::
        Q(x) = a \, sign(u) + b, \qquad u = \frac{x - b}a, \qquad
        \frac{\partial sign}{\partial u} \approx \max(2 - 2|u|, 0)

    "AdaBin: Improving Binary Neural Networks with Adaptive Binary Sets" (Tu
    et al., ECCV 2022), equations 9 to 11; a starts at 1, b at 0. Its code
    returns a (sign(u) + b); this is the paper's. The weights' half of it is
    ``weight_rule=dict(type='AdaBinWeight')``. Zero padding stays 0, which
    is no level. With an offset a layer is no longer of the form
    alpha conv(sign, sign): it trains here and cannot be packed.

    Examples:
        >>> adabin = AdaBin()
        >>> _ = adabin.offset.data.fill_(0.2)
        >>> x = torch.tensor([0.5], requires_grad=True)
        >>> y = adabin(x)
        >>> y.backward()
        >>> torch.stack([y[0].detach(), x.grad[0], adabin.offset.grad, adabin.spread.grad])
        tensor([ 1.2000,  1.4000, -0.4000,  0.5800])
    """

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.ones(()))
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(self, v: Tensor) -> Tensor:
        """``a sign((v - b) / a) + b``."""
        a = positive(self.spread, LEAST).to(v.dtype)
        offset = self.offset.to(v.dtype)
        return a * super().forward((v - offset) / a) + offset

    def packed_form(self) -> tuple:
        """Not possible.

        Raises:
            ValueError: Always; the text says why.
        """
        raise ValueError(
            'AdaBin has the levels b - a and b + a, and a packed layer has no term for b, which '
            'zero padding does not have. Evaluate the checkpoint unpacked, or train with '
            "activation=dict(type='RSign'), which learns thresholds and is packed."
        )
