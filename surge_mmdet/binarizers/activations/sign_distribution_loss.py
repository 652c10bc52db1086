"""A loss that keeps activations around their sign (distribution loss)."""

import torch
from torch import Tensor

from ..ranges import check_positive, check_share
from .sign_ste import SignSTE


class SignDistributionLoss(SignSTE):
    r"""The straight-through sign, and a loss of each channel's mean and spread.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx 1\{|x| \le c\}, \qquad
        L = \lambda \, mean_c (D^2 + S^2 + M^2)

    .. math::
        D = (|m| - k_d v)_+, \qquad S = (k_s v - 1)_+, \qquad
        M = (1 - |m| - k_m v)_+

    .. math::
        \frac{\partial L}{\partial x} = \frac{2 \lambda}{n C} \Big(
        (D - M) \, sign(m) + (k_s S - k_d D - k_m M) \frac{x - m}v \Big)

    with mean m and standard deviation v of a channel over the batch and all
    places, n values for each of C channels, and :math:`(z)_+ = \max(z, 0)`.
    D is degeneration (all signs alike), S saturation (values beyond the
    window, which get no gradient) and M mismatch (values far within it).
    "Regularizing Activation Distribution for Training Binarized Deep
    Networks" (Ding et al., CVPR 2019), whose constants are the defaults here.
    Published code has another mismatch and another degeneration term; this is
    the paper's. The sum over the layers is the training's ``loss_sign...``; a
    layer that runs on several maps counts once, by their mean. It ends after
    ``until`` of the training, as in the code.

    ``BinarizerHook`` adds the loss. Its gradient reaches the layers in front
    without passing this layer, so that SURGE's two paths do not see it.

    Args:
        weight (float): lambda.
        degeneration (float): k_d.
        saturation (float): k_s.
        mismatch (float): k_m.
        until (float): Share of the training with the loss.
        clip (float): As :class:`SignSTE`'s.

    Raises:
        ValueError: Unless the options are positive, ``until`` at most 1.

    Examples:
        >>> sign = SignDistributionLoss(weight=1.0)
        >>> sign.extra_loss(torch.tensor([[1.0], [-1.0]]))  # (1 - 0 - 0.25)^2
        tensor(0.5625)
    """

    scheduled = True

    def __init__(
        self,
        weight: float = 2.0,
        degeneration: float = 1.0,
        saturation: float = 0.25,
        mismatch: float = 0.25,
        until: float = 0.9,
        clip: float = 1.0,
    ) -> None:
        super().__init__(clip)
        factors = dict(degeneration=degeneration, saturation=saturation, mismatch=mismatch)
        check_positive('SignDistributionLoss', weight=weight, **factors)
        check_share('SignDistributionLoss', until=until)
        self.weight, self.until = weight, until
        self.factors = tuple(factors.values())

    def extra_loss(self, v: Tensor) -> Tensor:
        """L of one input."""
        u = self.transform(v)
        rows = (u.float() if u.dtype.itemsize < 4 else u).movedim(1, 0).flatten(1)
        mean = rows.mean(1)
        spread = ((rows - mean[:, None]).square().mean(1) + 1e-10).sqrt()
        kd, ks, km = self.factors
        terms = (mean.abs() - kd * spread, ks * spread - 1, 1 - mean.abs() - km * spread)
        found = torch.stack(terms).clamp(min=0).square().sum(0).mean()
        return self.weight * (self.progress < self.until) * found

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, weight={self.weight}, until={self.until}'
