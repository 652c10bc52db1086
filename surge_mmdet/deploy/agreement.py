"""How far two detectors agree: matched boxes, scores, times, AP."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import NamedTuple, Optional

import torch
from torch import Tensor

from ..kernels import ops
from ..text import aligned

IOU, SCORE = 0.5, 0.3


class Agreement(NamedTuple):
    """What two detectors found in the same images.

    Attributes:
        images (int): How many.
        found (tuple): Boxes of the simulated and of the packed detector with a
            score of :data:`SCORE` or more in at least one of the two.
        matched (int): Pairs of one class and an IoU of :data:`IOU` or more.
        iou (float): Mean over the pairs; NaN without pairs.
        score_difference (tuple): Mean and largest over the pairs.
        milliseconds (tuple): Median per image of both, with pre- and
            post-processing.
        runs (int): Of each detector, that the times are medians of.
        faster (tuple): How many times as fast the packed one is: the median
            over the runs, and the ends of their middle half.
        ap, ap50 (tuple | None): COCO AP of both, and AP at an IoU of 0.5, where
            there is ground truth.
    """

    images: int
    found: tuple
    matched: int
    iou: float
    score_difference: tuple
    milliseconds: tuple
    runs: int
    faster: tuple
    ap: Optional[tuple] = None
    ap50: Optional[tuple] = None

    @property
    def share(self) -> float:
        """Matched pairs over the boxes of the detector that found more; NaN without boxes."""
        most = max(self.found)
        return self.matched / most if most else float('nan')

    def __str__(self) -> str:
        rows = [['', 'simulated', 'packed'], [f'boxes, score >= {SCORE}', *map(str, self.found)]]
        for name, both in (('AP', self.ap), ('AP50', self.ap50)):
            if both:
                rows.append([name, *(f'{value:.3f}' for value in both)])
        rows.append(['ms per image', *(f'{value:.1f}' for value in self.milliseconds)])
        lines = [*aligned(rows, left=1), *self._pairs(), *self._speed()]
        images = f'{self.images} image{"s" * (self.images != 1)}'
        head = f'Both detectors on {images}, simulated is the checkpoint:'
        return '\n'.join([head, *(f'  {line}' for line in lines)])

    def _pairs(self) -> list:
        if not self.matched:
            return ['nothing matched: there is nothing to compare']
        mean, largest = self.score_difference
        return [
            f'{self.matched} boxes ({self.share:.1%}) have a partner of the same class with '
            f'IoU >= {IOU}',
            f'their mean IoU is {self.iou:.3f}; scores differ by {mean:.4f} on average, '
            f'{largest:.4f} at most',
        ]

    def _speed(self) -> list:
        factor, low, high = self.faster
        threads = torch.get_num_threads()
        return [
            f'packed is {factor:.2f} times as fast (median of {self.runs} runs of each, by turns; '
            f'middle half {low:.2f} to {high:.2f})',
            f'times include pre- and post-processing; {threads} thread{"s" * (threads != 1)}, '
            f'kernel {ops.kernel_name()}',
        ]


def agreement(results: Sequence, times: Sequence, precisions: Sequence = ()) -> Agreement:
    """What :func:`verify.detect` found, as an :class:`Agreement`.

    Args:
        results (Sequence): Of both detectors, ``pred_instances`` of each image.
        times (Sequence): Of both, milliseconds; two or more each.
        precisions (Sequence): (AP, AP50) of both, empty without ground truth.
    """
    each = [match(simulated, packed) for simulated, packed in zip(*results, strict=True)]
    iou, difference = torch.cat([one.pairs for one in each]).unbind(1)
    ratios = [slow / fast for slow, fast in zip(*times, strict=True)]
    low, middle, high = quantiles(ratios, n=4, method='inclusive')
    return Agreement(
        len(each),
        found=tuple(sum(one.found[i] for one in each) for i in (0, 1)),
        matched=len(iou),
        iou=iou.mean().item(),
        score_difference=(
            difference.mean().item(),
            difference.max().item() if len(difference) else float('nan'),
        ),
        milliseconds=tuple(median(one) for one in times),
        runs=len(ratios),
        faster=(middle, low, high),
        **dict(zip(('ap', 'ap50'), zip(*precisions, strict=True), strict=False)),
    )


class Matching(NamedTuple):
    """Boxes of one image: counts of both, and (IoU, difference of scores) of the pairs."""

    found: tuple
    pairs: Tensor


def match(ours, theirs, iou: float = IOU, score: float = SCORE) -> Matching:
    """Pair the boxes of two detectors in one image.

    The box with the highest score chooses first, the free box of its class
    with the largest overlap. A pair counts if one of its scores is at least
    ``score``: a threshold on both would split pairs.

    Args:
        ours, theirs (InstanceData): With ``bboxes`` (N, 4) in pixels,
            ``scores`` (N, ) and ``labels`` (N, ).
        iou (float): Least overlap of a pair.
        score (float): Least score.
    """
    from mmdet.structures.bbox import bbox_overlaps

    overlaps = bbox_overlaps(ours.bboxes, theirs.bboxes)
    overlaps[ours.labels[:, None] != theirs.labels[None]] = 0
    pairs = _pairs(overlaps, ours.scores, iou)
    strong = [(i, j) for i, j in pairs if max(ours.scores[i], theirs.scores[j]) >= score]
    rows = [(overlaps[i, j], abs(ours.scores[i] - theirs.scores[j])) for i, j in strong]
    alone = [
        sum(1 for i, value in enumerate(scores.tolist()) if value >= score and i not in taken)
        for scores, taken in (
            (ours.scores, {i for i, _ in pairs}),
            (theirs.scores, {j for _, j in pairs}),
        )
    ]
    found = tuple(len(rows) + count for count in alone)
    return Matching(found, torch.tensor(rows).reshape(-1, 2))


def _pairs(overlaps: Tensor, scores: Tensor, least: float) -> list:
    free, pairs = overlaps.clone(), []
    for i in scores.argsort(descending=True).tolist() if overlaps.numel() else ():
        best = int(free[i].argmax())
        if free[i, best] >= least:
            pairs.append((i, best))
            free[:, best] = 0
    return pairs
