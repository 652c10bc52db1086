"""What losses between feature maps have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Optional

import torch
from torch import Tensor, nn


class FeatureLoss(nn.Module, ABC):
    """Base: a mean over pairs of maps, in float32.

    Args:
        weight (float): Factor on the loss.
        levels (sequence of int | None): Which maps of the pyramid; None for all.

    Raises:
        ValueError: If the weight is negative.
    """

    def __init__(self, weight: float, levels: Optional[Sequence] = None) -> None:
        super().__init__()
        if weight < 0:
            raise ValueError(
                f'{type(self).__name__}: weight must not be negative, got {weight!r}. '
                f"Write dict(type='surge_mmdet.{type(self).__name__}', weight=1.0)."
            )
        self.weight = weight
        self.levels = None if levels is None else list(levels)

    def forward(self, student: Sequence, teacher: Sequence, samples: Sequence) -> Tensor:
        """The weighted loss, a scalar.

        Args:
            student (sequence of Tensor): Its maps, (N, C, H, W) each.
            teacher (sequence of Tensor): The teacher's, without gradient.
            samples (sequence): The batch's ``DetDataSample``, for losses that
                look at the boxes.

        Raises:
            ValueError: If maps of a level do not fit each other.
        """
        pairs = self.pairs(student, teacher)
        device = student[0].device.type
        with torch.autocast(device, enabled=False):
            losses = [self.compare(s.float(), t.float(), samples) for s, t in pairs]
            return self.weight * torch.stack(losses).mean()

    @abstractmethod
    def compare(self, student: Tensor, teacher: Tensor, samples: Sequence) -> Tensor:
        """The loss of one pair of equal shapes, unweighted."""

    def pairs(self, student: Sequence, teacher: Sequence) -> list:
        """Maps of the chosen levels, checked."""
        levels = range(len(student)) if self.levels is None else self.levels
        count = min(len(student), len(teacher))
        if any(not -count <= level < count for level in levels):
            raise ValueError(
                f'{type(self).__name__}: levels={list(levels)}, but student and teacher have '
                f'{len(student)} and {len(teacher)} maps. Write levels={list(range(count))}.'
            )
        found = [(student[level], teacher[level]) for level in levels]
        for level, (s, t) in zip(levels, found, strict=True):
            if s.shape != t.shape:
                raise ValueError(
                    f'{type(self).__name__}: map {level} is {tuple(s.shape)} in the student and '
                    f'{tuple(t.shape)} in the teacher. Take a teacher with the same neck: '
                    f'its out_channels={s.shape[1]} and strides.'
                )
        return found

    def extra_repr(self) -> str:
        return f'weight={self.weight}, levels={self.levels}'
