"""Mean absolute value of the whole layer (DoReFa)."""

from torch import Tensor

from ..base import WeightBinarizer


class LayerMean(WeightBinarizer):
    r"""``alpha = mean |W|`` over the layer, gradient unchanged.

    .. math::
        Q(W) = \alpha \, sign(W), \qquad
        \frac{\partial L}{\partial W} = \frac{\partial L}{\partial Q(W)}

    "DoReFa-Net" (Zhou et al., 2016, arXiv 1606.06160), equation 8.

    Examples:
        >>> import torch
        >>> LayerMean()(torch.tensor([[1., -3.], [0., 2.]]))
        tensor([[ 1.5000, -1.5000],
                [ 1.5000,  1.5000]])
    """

    clip = None

    def scale(self, u: Tensor) -> Tensor:
        """Of one value, same dtype as ``u``."""
        return u.abs().mean()
