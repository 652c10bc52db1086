"""Element-wise gradient scaling (EWGS)."""

from torch import Tensor

from ..base import ActivationBinarizer
from ..fused import binary_sign, pass_within
from ..ranges import check_positive


class SignEWGS(ActivationBinarizer):
    r"""Sign whose gradient is scaled by its distance from the sign.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial L}{\partial x} \approx
        1\{|x| \le c\} \, g \, (1 + \tfrac d2 sign(g) (x/c - sign(x)))

    with g = dL/dQ. "Network Quantization with Element-wise Gradient
    Scaling" (Lee et al., CVPR 2021), equation 5, rewritten from its levels 0
    and 1. The factor d is constant; the paper's other way, from the trace of
    the Hessian, needs a second backward, which DPGC has not. The paper scales
    the gradients of the weights so too and learns the range of both; here
    c is fixed, and the weights follow the layer's own rule, by default
    :class:`ChannelMean` with the clipped straight-through estimator.

    Args:
        delta (float): The factor d; 0 is the clipped straight-through estimator.
        clip (float): The bound c, fixed.

    Raises:
        ValueError: Unless both are positive.

    Examples:
        >>> import torch
        >>> ewgs, x = SignEWGS(delta=0.2), torch.tensor([0.4, 0.4, -0.4, 1.2])
        >>> ewgs.surrogate_grad(torch.tensor([1.0, -1.0, 1.0, 1.0]), x)
        tensor([ 0.9400, -1.0600,  1.0600,  0.0000])
    """

    clip: float

    def __init__(self, delta: float = 1e-3, clip: float = 1.0) -> None:
        super().__init__()
        check_positive('SignEWGS', delta=delta, clip=clip)
        self.delta, self.clip = delta, clip

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``g (1 + d/2 sign(g) (u/c - sign(u)))`` where ``|u| <= c``."""
        gap = u / self.clip - binary_sign(u)
        # g sign(g) = |g|: one sign less to take.
        scaled = grad_output + grad_output.abs() * gap.to(grad_output.dtype) * (self.delta / 2)
        return pass_within(scaled, u, self.clip)

    def extra_repr(self) -> str:
        return f'delta={self.delta}, clip={self.clip}'
