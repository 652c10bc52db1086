"""Mean absolute value per output channel (XNOR-Net)."""

from torch import Tensor

from ..base import WeightBinarizer


class ChannelMean(WeightBinarizer):
    r"""``alpha_o = mean |W_o|`` over each output channel.

    .. math::
        Q(W) = \alpha_o \, sign(W), \qquad
        \frac{\partial L}{\partial W} =
        \frac{\partial L}{\partial Q(W)} 1\{|W| \le 1\}

    The factor that minimises :math:`\|W_o - \alpha_o sign(W_o)\|_2`, from
    "XNOR-Net" (Rastegari et al., ECCV 2016), equation 6. It is a constant for
    the gradient, which is not multiplied with it: the clipped
    straight-through estimator, as in the published code of Bi-Real Net and
    ReActNet. :class:`XNOR` has that paper's own gradient.

    Examples:
        >>> import torch
        >>> rule = ChannelMean()
        >>> rule(torch.tensor([[1., -3.], [0., 2.]]))
        tensor([[ 2., -2.],
                [ 1.,  1.]])
    """

    def scale(self, u: Tensor) -> Tensor:
        """Shape (out_channels, 1, ...), same dtype as ``u``."""
        dims = tuple(range(1, u.dim()))
        return u.abs().mean(dim=dims, keepdim=True)
