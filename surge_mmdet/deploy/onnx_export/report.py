"""How far an exported file and its packed detector agree."""

from typing import NamedTuple

from ...text import aligned
from ..agreement import IOU, SCORE


class Verified(NamedTuple):
    """What the two found in the same images.

    Attributes:
        images (int): How many.
        found (tuple): Boxes of the packed detector and of the file, with a
            score of :data:`SCORE` or more in at least one of the two.
        matched (int): Pairs of one class and an IoU of :data:`IOU` or more.
        iou, score_difference (float): Means over the pairs; NaN without pairs.
        ap, ap50 (tuple): COCO AP of both, and AP at an IoU of 0.5; empty
            without ground truth.
        binary (bool): Whether the detector has binary layers; else it is a float one.
    """

    images: int
    found: tuple
    matched: int
    iou: float
    score_difference: float
    ap: tuple = ()
    ap50: tuple = ()
    binary: bool = True

    @property
    def share(self) -> float:
        """Matched pairs over the boxes of the one that found more; NaN without boxes."""
        most = max(self.found)
        return self.matched / most if most else float('nan')

    def __str__(self) -> str:
        name, what = ('packed', 'load_packed') if self.binary else ('float', 'PyTorch')
        rows = [['', name, 'ONNX'], [f'boxes, score >= {SCORE}', *map(str, self.found)]]
        for metric, both in (('AP', self.ap), ('AP50', self.ap50)):
            if both:
                rows.append([metric, *(f'{value:.3f}' for value in both)])
        lines = aligned(rows, left=1)
        if self.matched:
            lines.append(
                f'{self.matched} boxes ({self.share:.1%}) have a partner of the same class with '
                f'IoU >= {IOU}; their mean IoU is {self.iou:.3f}, scores differ by '
                f'{self.score_difference:.4f} on average'
            )
        else:
            lines.append('nothing matched: there is nothing to compare')
        images = f'{self.images} image{"s" * (self.images != 1)}'
        head = f'Both on {images}, {name} is {what}, ONNX is ONNX Runtime:'
        return '\n'.join([head, *(f'  {line}' for line in lines)])
