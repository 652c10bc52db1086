"""Less information in the features that predictions read (BiDet)."""

import torch
from torch import Tensor, nn

from .context import Context
from .scheduled import ScheduledLoss
from .structure import is_two_stage

PROPOSALS, REGIONS = 'rpn_head.rpn_cls', 'roi_head.bbox_head.fc_cls'


class InformationBottleneck(ScheduledLoss):
    r"""Mean square of the features in front of the predictions.

    .. math::
        L = \frac{\beta}{M} \sum_{m=1}^M mean(F_m^2)

    The upper bound of :math:`I(X; F)` for features around a prior of zero
    mean in "BiDet: An Efficient Binarized Object Detector" (Wang et al.,
    CVPR 2020, section 3.2). One stage: F are the maps that the head reads
    (SSD: its six). Two stages: what the RPN's predictions read, on all
    levels, times ``weight``, and what the last classifier reads of each
    region (512 values for a C4 ResNet-18), times ``region_weight``.

    Args:
        weight (float): The released code has 0.1 for SSD and 0.5 for the RPN.
        region_weight (float): 0.02 there; two stages only.
        start (float): Share of the training before it joins in; that of the
            released code is 0.1 for SSD and 0.5 for Faster R-CNN, as
            :class:`ScheduledLoss` says.

    Examples:
        >>> import torch
        >>> from surge_mmdet.losses import Context, View
        >>> loss = InformationBottleneck(0.1, start=0.0)
        >>> loss.mean_square([torch.ones(2, 8, 4, 4), 3 * torch.ones(2, 8, 2, 2)]).item()
        5.0
    """

    def __init__(
        self, weight: float = 0.1, region_weight: float = 0.02, start: float = 0.1
    ) -> None:
        super().__init__(weight, start)
        self._check_weight('region_weight', region_weight)
        self.region_weight = region_weight

    def watches(self, detector: nn.Module) -> tuple:
        """Prediction layers of two stages."""
        return (PROPOSALS, REGIONS) if is_two_stage(detector) else ()

    def measure(self, context: Context) -> Tensor:
        """The weighted loss, once it has started."""
        calls = context.student.calls
        if not is_two_stage(context.student.detector):
            return self.weight * self.mean_square(context.student.maps)
        proposals, regions = (
            self.mean_square([call.inputs[0] for call in calls[name]])
            for name in (PROPOSALS, REGIONS)
        )
        return self.weight * proposals + self.region_weight * regions

    def mean_square(self, features: list) -> Tensor:
        """Average over the maps of the mean of their squares."""
        return torch.stack([each.float().square().mean() for each in features]).mean()
