"""Losses that join in after a share of the training."""

from abc import abstractmethod

import torch
from torch import Tensor

from .base import DetectorLoss
from .context import Context


class ScheduledLoss(DetectorLoss):
    """Base: 0 until ``start``, then what :meth:`measure` says, in float32.

    BiDet switches its losses on at the first decay of the learning rate:
    30,000 of SSD's 300,000 iterations on VOC, a share of 0.1, and epoch 6 of
    Faster R-CNN's 12, one of 0.5. The schedules of this package fall
    smoothly, so that the share is what is written. ``ProgressHook`` tells it.

    Args:
        weight (float): Factor on the loss.
        start (float): Share of the training in [0, 1] without the loss.

    Raises:
        ValueError: If the share is outside of [0, 1].
    """

    scheduled = True

    def __init__(self, weight: float, start: float) -> None:
        super().__init__(weight)
        if not 0 <= start <= 1:
            name = type(self).__name__
            raise ValueError(
                f'{name}: start must be a share of the training in [0, 1], got {start!r}. '
                f"Write dict(type='surge_mmdet.{name}', start=0.1)."
            )
        self.start, self.progress = start, 0.0

    def set_progress(self, progress: float) -> None:
        """The share of the training that is done."""
        self.progress = progress

    def forward(self, context: Context) -> Tensor:
        """The weighted loss, 0 before it starts."""
        maps = context.student.maps
        if self.progress < self.start:
            return maps[0].new_zeros((), dtype=torch.float)
        with torch.autocast(maps[0].device.type, enabled=False):
            return self.measure(context)

    @abstractmethod
    def measure(self, context: Context) -> Tensor:
        """The weighted loss, once it has started."""

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, start={self.start}'
