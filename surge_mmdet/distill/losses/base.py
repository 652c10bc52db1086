"""What losses between feature maps have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Optional

import torch
from torch import Tensor

from ...losses import Context, DetectorLoss


class Pair(NamedTuple):
    """The maps of one level, (N, C, H, W) each, in float32."""

    level: int
    student: Tensor
    teacher: Tensor


def _are_numbers(levels: object) -> bool:
    return isinstance(levels, (list, tuple, range)) and all(type(each) is int for each in levels)


class FeatureLoss(DetectorLoss):
    """Base: a mean over pairs of maps, in float32.

    Where published code adds one loss for each level, its weight times the
    number of levels is the same here.

    Args:
        weight (float): Factor on the loss.
        levels (sequence of int | None): Which maps of the pyramid; None for all.

    Raises:
        ValueError: If the weight is no number or negative, or levels are no whole numbers.
    """

    needs_teacher = True

    def __init__(self, weight: float, levels: Optional[Sequence] = None) -> None:
        super().__init__(weight)
        if levels is not None and not _are_numbers(levels):
            name = type(self).__name__
            right = [levels] if _are_numbers([levels]) else [0, 1, 2, 3]
            raise ValueError(
                f'{name}: levels={levels!r} are no list of whole numbers. '
                f"Write dict(type='surge_mmdet.{name}', levels={right})."
            )
        self.levels = None if levels is None else list(levels)

    def forward(self, context: Context) -> Tensor:
        """The weighted loss, a scalar.

        Args:
            context (Context): With the maps of student and teacher.

        Raises:
            ValueError: If maps of a level do not fit each other.
        """
        student, teacher = context.student.maps, context.teacher.maps
        with torch.autocast(student[0].device.type, enabled=False):
            return self.weight * self.total(self.pairs(student, teacher), context)

    def total(self, pairs: list, context: Context) -> Tensor:
        """The loss of all :class:`Pair`, unweighted: here the mean of each one's."""
        return torch.stack([self.compare(pair, context) for pair in pairs]).mean()

    @abstractmethod
    def compare(self, pair: Pair, context: Context) -> Tensor:
        """The loss of one pair, unweighted."""

    def chosen(self, count: int) -> list:
        """The levels that take part, of so many.

        Raises:
            ValueError: If there is one less.
        """
        levels = range(count) if self.levels is None else self.levels
        if any(not -count <= level < count for level in levels):
            raise ValueError(
                f'{type(self).__name__}: levels={list(levels)}, but student and teacher have '
                f'{count} maps in common. Write levels={list(range(count))}.'
            )
        return [level % count for level in levels]

    def pairs(self, student: Sequence, teacher: Sequence) -> list:
        """Maps of the chosen levels, checked."""
        found = []
        for level in self.chosen(min(len(student), len(teacher))):
            s, t = student[level], teacher[level]
            if s.shape != t.shape:
                raise ValueError(
                    f'{type(self).__name__}: map {level} is {tuple(s.shape)} in the student and '
                    f'{tuple(t.shape)} in the teacher. Take a teacher with the same neck: '
                    f'its out_channels={s.shape[1]} and strides.'
                )
            found.append(Pair(level, s.float(), t.float()))
        return found

    def check_levels(self, student: Sequence, teacher: Sequence) -> None:
        """Refuse a teacher whose maps cannot be compared, before the first step.

        Args:
            student, teacher (sequence of Level): Of their maps.

        Raises:
            ValueError: The text shows what would fit.
        """
        if self.levels is None and len(student) != len(teacher):
            raise ValueError(
                f'{type(self).__name__}: the student has {len(student)} maps and the teacher '
                f'{len(teacher)}. Take a teacher with the same neck, or write levels='
                f'{list(range(min(len(student), len(teacher))))}.'
            )
        for level in self.chosen(min(len(student), len(teacher))):
            if student[level] != teacher[level]:
                raise ValueError(
                    f'{type(self).__name__}: map {level} has {student[level]} in the student and '
                    f'{teacher[level]} in the teacher. Take a teacher with the same neck and '
                    f'anchors, such as the fp32 config of the same name, or leave the level out: '
                    'levels=[...].'
                )

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, levels={self.levels}'
