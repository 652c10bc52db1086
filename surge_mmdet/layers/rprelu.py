"""PReLU with learnable shifts (ReActNet)."""

import torch
from torch import Tensor, nn

from ..registry import MODELS


@MODELS.register_module()
class RPReLU(nn.Module):
    r"""``PReLU(x - gamma) + zeta`` with one of each per channel.

    .. math::
        f(x_i) = \max(x_i - \gamma_i, 0) + \beta_i \min(x_i - \gamma_i, 0)
                 + \zeta_i

    From "ReActNet" (Liu et al., ECCV 2020), equation 6: the shifts let a
    binary network move its distributions to where the next sign cuts well.

    Args:
        num_parameters (int): Channels, axis 1 of the input.
        init (float): Initial slope beta; both shifts start at zero.

    Shape:
        (N, num_parameters, ...), output the same.

    Examples:
        >>> RPReLU(2)(torch.tensor([[-4., 2.]])).tolist()
        [[-1.0, 2.0]]
    """

    def __init__(self, num_parameters: int, init: float = 0.25) -> None:
        super().__init__()
        self.shift_in = nn.Parameter(torch.zeros(num_parameters))
        self.prelu = nn.PReLU(num_parameters, init)
        self.shift_out = nn.Parameter(torch.zeros(num_parameters))

    def forward(self, x: Tensor) -> Tensor:
        """Shift, PReLU, shift."""
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return self.prelu(x - self.shift_in.view(shape)) + self.shift_out.view(shape)
