"""Distillation of the features near objects (FGFI)."""

from collections.abc import Sequence
from typing import Optional

import torch
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor, nn

from ...losses import Context, dense_head, has_anchors, levels_of
from .adapt import adaptation, by_level
from .base import FeatureLoss, Pair


class FGFI(FeatureLoss):
    r"""Squared difference at the cells whose anchors lie near an object.

    .. math::
        L = \frac1{2 N_p} \sum_{ij} I_{ij} \sum_c (f(s)_{ijc} - t_{ijc})^2, \qquad
        N_p = \sum_{ij} I_{ij}

    over all levels. I is 1 where an anchor overlaps an object by more than
    :math:`\psi` times the most that any anchor overlaps it. f is a 3x3
    convolution per level. "Distilling Object Detectors with Fine-grained
    Feature Imitation" (Wang et al., CVPR 2019, section 3), and the imitation
    loss of LWS-Det (Xu et al., CVPR 2021).

    The paper has one map; here an object's best anchor is looked for on all
    levels, so that small objects speak on fine maps and large ones on coarse
    ones. The normaliser counts cells, as in the paper; DeFeat's and IDa-Det's
    code divides by the channels too. There is no ReLU behind f, which the
    released code has for maps that come out of one, and f starts as the
    identity.

    Args:
        weight (float): The paper's: 0.01.
        levels (sequence of int | None): Which maps; None for all.
        psi (float): Threshold in (0, 1); the paper's.

    Raises:
        ValueError: Unless psi is in (0, 1), or for a detector without anchors.
    """

    def __init__(
        self, weight: float = 0.01, levels: Optional[Sequence] = None, psi: float = 0.5
    ) -> None:
        super().__init__(weight, levels)
        if not 0 < psi < 1:
            raise ValueError(
                f"FGFI: psi must be in (0, 1), got {psi!r}. Write dict(type='surge_mmdet.FGFI', "
                'psi=0.5).'
            )
        self.psi = psi

    def prepare(self, detector: nn.Module) -> None:
        """One convolution for each level."""
        _, head = dense_head(detector)
        if not has_anchors(head):
            raise ValueError(
                f'FGFI: {type(head).__name__} has no anchors to lie near an object. Take a loss '
                "of the boxes themselves: dict(type='surge_mmdet.FGD')."
            )
        levels = levels_of(detector)
        self.adapt = by_level(
            (level, adaptation(levels[level].channels)) for level in self.chosen(len(levels))
        )

    def total(self, pairs: list, context: Context) -> Tensor:
        """Of all levels, divided by their cells."""
        masks = self.masks(context)
        cells = sum(masks[pair.level].sum() for pair in pairs)
        sums = [self.compare(pair, context, masks[pair.level]) for pair in pairs]
        return torch.stack(sums).sum() / (2 * cells.clamp(min=1))

    def compare(self, pair: Pair, context: Context, mask: Optional[Tensor] = None) -> Tensor:
        """Sum of the squared differences in the mask, (N, H, W)."""
        mask = self.masks(context)[pair.level] if mask is None else mask
        difference = self.adapt[str(pair.level)](pair.student) - pair.teacher
        return (difference.square().sum(1) * mask).sum()

    def masks(self, context: Context) -> list:
        """The imitation mask of each of the student's maps, (N, H, W) of bool."""
        maps = context.student.maps
        sizes = [tuple(each.shape[-2:]) for each in maps]
        _, head = dense_head(context.student.detector)
        anchors = head.prior_generator.grid_priors(sizes, device=maps[0].device)
        near = [self._near(boxes, torch.cat(anchors)) for boxes in context.boxes()]
        parts = torch.stack(near).split([len(each) for each in anchors], 1)
        return [
            part.view(len(near), *size, -1).any(-1) for part, size in zip(parts, sizes, strict=True)
        ]

    def _near(self, boxes: Tensor, anchors: Tensor) -> Tensor:
        """Which anchors lie near one of the boxes, (A,) of bool."""
        if not len(boxes):
            return anchors.new_zeros(len(anchors), dtype=torch.bool)
        overlaps = bbox_overlaps(boxes.float(), anchors)
        return (overlaps > self.psi * overlaps.amax(1, keepdim=True)).any(0)

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, psi={self.psi}'
