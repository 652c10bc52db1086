"""Distillation where teacher and student differ most (IDa-Det)."""

import math
from collections.abc import Sequence
from typing import Optional

import torch
from torch import Tensor, nn

from ...binarizers.bounds import within
from ...losses import Context, dense_head, levels_of
from .adapt import adaptation, by_level
from .base import FeatureLoss, Pair
from .discrepancy import mean_discrepancy

LEAST = 1e-3  # of a variance: its logarithm would fall for ever


class IDaDet(FeatureLoss):
    r"""Entropy distillation loss in the boxes of largest discrepancy.

    The boxes that either detector proposes are cut out of both maps. The
    discrepancy of such a pair is

    .. math::
        \varepsilon_n = \sum_c (R^t_{n;c} - R^s_{n;c})^\top \Sigma_{n;c}^{-1}
        (R^t_{n;c} - R^s_{n;c})

    on each level, and :func:`mean_discrepancy` on those where the box has more
    than one cell. Of each image the share ``gamma`` of the pairs with the
    largest is chosen. In their boxes

    .. math::
        L = mean\left(d^2 + \frac{d^2}{\sigma_c^2} + \log \sigma_c^2\right), \qquad
        d = f(s) - t

    averaged over cells and channels, then over the levels. f is a 3x3
    convolution per level, and the variances, one per level and channel, are
    learnt from 1 and kept above 0.001 (:func:`within`).

    "IDa-Det: An Information Discrepancy-Aware Distillation for 1-bit
    Detectors" (Xu et al., ECCV 2022); equations 6.83 and 6.88 of the book
    "Binary Neural Networks" (Zhang, Xu, Lin and others).

    This is L_P of :math:`L = L_{GT} + \lambda L_P + \mu L_R`, equation 6.89
    there. L_R, the reconstruction of the weights, is left out;
    ``weight_rule=dict(type='RBONN')`` in the student's policy brings one, with
    the gradient 1e-4 (W - Q(W)) that the released layers have, and RBONN's
    backtracking with it. The weight 5 that the released config gives the
    student's own four losses is left out too: beside them its 0.5 counts a
    tenth.

    A covariance of all cells of a box cannot be estimated from the one pair
    that there is: :math:`\Sigma` is diagonal, :func:`discrepancy` says how.
    Equation 6.88 writes its first term as R^s - R^t, which has a sign; as in
    the released code it is squared. Where that code does another thing than
    the paper, the paper holds: its score takes reciprocal variances of
    softmaxed patches, its mask fills whole rows of a transposed map, and its
    logarithm counts a thousandth, once for a whole map. f starts as the
    identity.

    Args:
        weight (float): lambda; 0.5 in the released code, beside other losses
            of weight 5.
        levels (sequence of int | None): Which maps; None for all.
        gamma (float): Share of the pairs in (0, 1]; 0.6 in the released code.
        score_thr (float): Least score of a proposal; 0.85 there, for RPNs. A
            detector of one stage is less sure: 0.3 suits SSD.
        iou_threshold (float): Of the suppression among one detector's
            proposals; 0.1 there.
        max_per_img (int): Most proposals of a detector in an image.

    Raises:
        ValueError: If gamma is not in (0, 1].
    """

    def __init__(
        self,
        weight: float = 0.5,
        levels: Optional[Sequence] = None,
        gamma: float = 0.6,
        score_thr: float = 0.85,
        iou_threshold: float = 0.1,
        max_per_img: int = 100,
    ) -> None:
        super().__init__(weight, levels)
        if not 0 < gamma <= 1:
            raise ValueError(
                f'IDaDet: gamma must be a share in (0, 1], got {gamma!r}. '
                "Write dict(type='surge_mmdet.IDaDet', gamma=0.6)."
            )
        self.gamma, self.score_thr = gamma, score_thr
        self.post_processing = dict(
            score_thr=score_thr,
            nms_pre=1000,
            nms=dict(type='nms', iou_threshold=iou_threshold),
            min_bbox_size=0,
            max_per_img=max_per_img,
        )

    def prepare(self, detector: nn.Module) -> None:
        """A convolution and the variances of each level."""
        levels = levels_of(detector)
        chosen = self.chosen(len(levels))
        self.adapt = by_level((each, adaptation(levels[each].channels)) for each in chosen)
        self.log_variance = nn.ParameterDict(
            {str(each): nn.Parameter(torch.zeros(levels[each].channels)) for each in chosen}
        )

    def watches(self, detector: nn.Module) -> tuple:
        """The head that proposes."""
        return (dense_head(detector)[0],)

    def total(self, pairs: list, context: Context) -> Tensor:
        """The mean over the levels, with the boxes chosen once for all of them."""
        chosen = self.chosen_boxes(pairs, context)
        return torch.stack([self.compare(pair, context, chosen) for pair in pairs]).mean()

    def compare(self, pair: Pair, context: Context, chosen: Sequence = ()) -> Tensor:
        """Of one level, in the chosen boxes of each image."""
        chosen = chosen or self.chosen_boxes([pair], context)
        masks = [context.inside(boxes, pair.student).any(0) for boxes in chosen]
        mask = torch.stack(masks)[:, None].to(pair.student)
        squares = (self.adapt[str(pair.level)](pair.student) - pair.teacher).square()
        logarithm = within(self.log_variance[str(pair.level)], math.log(LEAST))[:, None, None]
        entropy = squares + squares * (-logarithm).exp() + logarithm
        count = (mask.sum() * squares.shape[1]).clamp(min=1)
        return (entropy * mask).sum() / count

    @torch.no_grad()
    def chosen_boxes(self, pairs: list, context: Context) -> list:
        """The boxes of each image's chosen pairs, (K, 4) each."""
        chosen = []
        for image, boxes in enumerate(self.proposals(context)):
            scores = mean_discrepancy(
                [
                    (own.student[image], own.teacher[image], context.cells(boxes, own.student))
                    for own in pairs
                ]
            )
            count = math.ceil(self.gamma * len(boxes))
            chosen.append(boxes[scores.topk(count).indices])
        return chosen

    def proposals(self, context: Context) -> list:
        """What student and teacher propose for each image, (K, 4) each."""
        each = [
            view.found(context.metas, **self.post_processing)
            for view in (context.student, context.teacher)
        ]
        return [
            torch.cat([own.bboxes[own.scores > self.score_thr] for own in image])
            for image in zip(*each, strict=True)
        ]

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, gamma={self.gamma}, score_thr={self.score_thr}'
