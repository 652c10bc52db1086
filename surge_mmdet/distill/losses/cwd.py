"""Distillation of where each channel looks (CWD)."""

from collections.abc import Sequence
from typing import Optional

import torch.nn.functional as F
from torch import Tensor

from ...losses import Context
from .base import FeatureLoss, Pair


class CWD(FeatureLoss):
    r"""KL divergence of the maps of each channel, as distributions over the pixels.

    .. math::
        L = \frac{\tau^2}{C N} \sum_{n, c} KL(softmax(t_{nc} / \tau) \,\|\,
        softmax(s_{nc} / \tau))

    "Channel-wise Knowledge Distillation for Dense Prediction" (Shu et al.,
    ICCV 2021), equations 4 and 5. With ``normalize`` each channel of both is
    divided by the teacher's deviation first, so that the softmax is neither
    flat nor a single peak whatever the maps' size.

    Args:
        weight (float): Of the mean over the levels. For Faster R-CNN
            MMRazor's config adds one loss for each of five levels, of weight
            10 at tau 1 and not normalised: that is 50 here.
        levels (sequence of int | None): Which maps; None for all.
        tau (float): Temperature.
        normalize (bool): Ours; see above.

    Raises:
        ValueError: Unless tau is positive.

    Examples:
        >>> import math, torch
        >>> teacher = torch.tensor([0.0, math.log(3)]).view(1, 1, 1, 2)
        >>> from surge_mmdet.losses import Context, View
        >>> context = Context(View([torch.zeros(1, 1, 1, 2)]), View([teacher]))
        >>> round(CWD(10.0, normalize=False)(context).item(), 5)
        1.30812
    """

    def __init__(
        self,
        weight: float = 10.0,
        levels: Optional[Sequence] = None,
        tau: float = 1.0,
        normalize: bool = True,
    ) -> None:
        super().__init__(weight, levels)
        if not tau > 0:
            raise ValueError(
                f'CWD: tau must be positive, got {tau!r}. '
                "Write dict(type='surge_mmdet.CWD', tau=1.0)."
            )
        self.tau, self.normalize = tau, normalize

    def compare(self, pair: Pair, context: Context) -> Tensor:
        """Mean over images and channels of the divergence, times tau squared."""
        student, teacher = pair.student, pair.teacher
        if self.normalize:
            size = teacher.std((0, 2, 3), keepdim=True, correction=0).clamp(min=1e-3)
            student, teacher = student / size, teacher / size
        s, t = (F.log_softmax(x.flatten(2) / self.tau, -1) for x in (student, teacher))
        divergence = F.kl_div(s, t, reduction='sum', log_target=True)
        return divergence * self.tau**2 / (student.shape[0] * student.shape[1])

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, tau={self.tau}, normalize={self.normalize}'
