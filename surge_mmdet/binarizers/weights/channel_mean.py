"""Mean absolute value per output channel (XNOR-Net)."""

from torch import Tensor

from ..base import WeightBinarizer


class ChannelMean(WeightBinarizer):
    r"""``alpha_o = mean |W_o|`` over each output channel.

    The factor that minimises :math:`\|W_o - \alpha_o sign(W_o)\|_2`, from
    "XNOR-Net" (Rastegari et al., ECCV 2016), equation 6.

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
