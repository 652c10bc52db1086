"""SignSwish (BNN+)."""

from torch import Tensor

from ..ranges import check_positive
from ..slope_activation import SlopeActivation
from ..slopes import swish_slope


class SignSwish(SlopeActivation):
    r"""Sign with the derivative of SignSwish.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx
        \frac{\beta (2 - \beta x \tanh(\beta x / 2))}{1 + \cosh(\beta x)}

    "BNN+: Improved Binary Network Training" (Darabi et al., 2018, arXiv
    1812.11800). The slope is negative beyond :math:`\beta |x| = 2.4`, as its
    authors intend. This is one of the paper's two parts: its regularisation,
    which draws the weights to two values with a learned scale, is left out,
    and the weights follow the layer's own rule, by default
    :class:`ChannelMean`.

    Args:
        beta (float): How sharp; 5 and 10 are used.

    Raises:
        ValueError: Unless ``beta`` is positive.

    Examples:
        >>> import torch
        >>> SignSwish().slope(torch.tensor([0.0, 0.2, 1.0]))
        tensor([ 5.0000,  3.0237, -0.1950])
    """

    def __init__(self, beta: float = 5.0) -> None:
        super().__init__()
        check_positive('SignSwish', beta=beta)
        self.beta = beta

    def slope(self, u: Tensor) -> Tensor:
        """See :func:`swish_slope`."""
        return swish_slope(u, self.beta)

    def extra_repr(self) -> str:
        return f'beta={self.beta}'
