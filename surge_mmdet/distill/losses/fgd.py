"""Distillation of foreground, background and their relation (FGD)."""

from collections.abc import Sequence
from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...losses import Context, levels_of
from .adapt import by_level
from .base import FeatureLoss, Pair
from .gc_block import GcBlock


class Attention(NamedTuple):
    """Where a map looks: (N, H, W), and through which channels: (N, C)."""

    spatial: Tensor
    channel: Tensor


class FGD(FeatureLoss):
    r"""Focal and global distillation.

    .. math::
        L = \sum_{ijc} (\alpha F_{ij} + \beta B_{ij}) A^S_{ij} A^C_c (t - s)^2
        + \gamma (|A^S - a^S|_1 + |A^C - a^C|_1) + \lambda |R(t) - r(s)|^2

        A^S = HW \, softmax(mean_c|t| / T), \qquad A^C = C \, softmax(mean_{ij}|t| / T)

    summed over the levels, averaged over the images; a is the attention of
    the student. F is one over the area of the object's box, of the smallest
    where several overlap; B is one over the number of cells without any. R
    and r are :class:`GcBlock`, trained with the student. "Focal and Global
    Knowledge Distillation for Detectors" (Yang et al., CVPR 2022), equations 9
    (features), 10 (attention) and 12 (relation).

    These are sums over cells and channels: the factors depend on the size of
    the input and on the channels. Cells are those that a box touches; the
    released code adds one more row and column.

    Args:
        weight (float): Factor on the loss.
        levels (sequence of int | None): Which maps; None for all.
        alpha, beta, gamma, relation (float): Factors of foreground,
            background, attention and relation (the paper's lambda). The
            paper's for Faster R-CNN; for RetinaNet it has 1e-3, 5e-4, 1e-3 and
            5e-6, of which the released code halves gamma.
        temperature (float): T; the paper's.

    Raises:
        ValueError: If a factor is negative or the temperature not positive.

    Examples:
        >>> import torch
        >>> attention = FGD().attention(torch.ones(1, 2, 3, 4))
        >>> attention.spatial.sum().item(), attention.channel.sum().item()
        (12.0, 2.0)
    """

    def __init__(
        self,
        weight: float = 1.0,
        levels: Optional[Sequence] = None,
        alpha: float = 5e-5,
        beta: float = 2.5e-5,
        gamma: float = 5e-5,
        relation: float = 5e-7,
        temperature: float = 0.5,
    ) -> None:
        super().__init__(weight, levels)
        factors = dict(alpha=alpha, beta=beta, gamma=gamma, relation=relation)
        for key, value in factors.items():
            self._check_weight(key, value)
        if not temperature > 0:
            raise ValueError(
                f'FGD: temperature must be positive, got {temperature!r}. '
                "Write dict(type='surge_mmdet.FGD', temperature=0.5)."
            )
        self.factors, self.temperature = factors, temperature

    def prepare(self, detector: nn.Module) -> None:
        """Two relations for each level."""
        levels = levels_of(detector)
        self.student_relation, self.teacher_relation = (
            by_level((each, GcBlock(levels[each].channels)) for each in self.chosen(len(levels)))
            for _ in range(2)
        )

    def total(self, pairs: list, context: Context) -> Tensor:
        """The sum over the levels."""
        return torch.stack([self.compare(pair, context) for pair in pairs]).sum()

    def compare(self, pair: Pair, context: Context) -> Tensor:
        """Of one level."""
        student, teacher = self.attention(pair.student), self.attention(pair.teacher)
        near, far = self.scales(context, pair.teacher)
        focus = teacher.spatial * (self.factors['alpha'] * near + self.factors['beta'] * far)
        squares = (pair.teacher - pair.student).square()
        features = torch.einsum('nchw,nhw,nc->', squares, focus, teacher.channel)
        looks = sum(F.l1_loss(s, t, reduction='sum') for s, t in zip(student, teacher, strict=True))
        relation = self._relation(pair)
        parts = features + self.factors['gamma'] * looks + self.factors['relation'] * relation
        return parts / len(squares)

    def attention(self, x: Tensor) -> Attention:
        """Spatial and channel attention of maps (N, C, H, W)."""
        size, (n, c, h, w) = x.abs(), x.shape
        spatial = (size.mean(1).flatten(1) / self.temperature).softmax(1) * (h * w)
        channel = (size.mean((2, 3)) / self.temperature).softmax(1) * c
        return Attention(spatial.view(n, h, w), channel)

    @staticmethod
    def scales(context: Context, like: Tensor) -> tuple:
        """Scale masks of foreground and background, (N, H, W) each."""
        near = torch.stack([_one_over_area(context, boxes, like) for boxes in context.boxes()])
        far = (near == 0).to(near)
        return near, far / far.sum((1, 2), keepdim=True).clamp(min=1)

    def _relation(self, pair: Pair) -> Tensor:
        level = str(pair.level)
        r = self.student_relation[level](pair.student)
        return (self.teacher_relation[level](pair.teacher) - r).square().sum()

    def extra_repr(self) -> str:
        factors = ', '.join(f'{key}={value}' for key, value in self.factors.items())
        return f'{super().extra_repr()}, {factors}, temperature={self.temperature}'


def _one_over_area(context: Context, boxes: Tensor, like: Tensor) -> Tensor:
    """For each cell that of the smallest box on it, 0 beside all boxes; (H, W)."""
    if not len(boxes):
        return like.new_zeros(like.shape[-2:])
    inside = context.inside(boxes, like).to(like)
    return (inside / inside.sum((1, 2), keepdim=True)).amax(0)
