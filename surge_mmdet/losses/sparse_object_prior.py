"""Few confident boxes instead of many uncertain ones (BiDet)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .context import Context
from .scheduled import ScheduledLoss
from .structure import dense_head, is_two_stage

BOX_HEAD, EXTRACTOR = 'roi_head.bbox_head', 'roi_head.bbox_roi_extractor'


def sparse_prior(scores: Tensor, objects: int) -> Tensor:
    r"""Entropy of the scores of one class of an image, per object.

    .. math::
        L = -\frac1n \sum_i q_i \log q_i, \qquad q_i = \frac{s_i}{sg(\sum_j s_j)}

    with n objects in the ground truth; the sum of the scores takes no
    gradient. It is 0 if there are no more scores than objects.

    Args:
        scores (Tensor): (m,) in (0, 1], of the boxes that are left.
        objects (int): n >= 1.

    Examples:
        >>> import torch
        >>> round(sparse_prior(torch.tensor([0.5, 0.5]), 1).item(), 6)
        0.693147
        >>> sparse_prior(torch.tensor([0.5, 0.5]), 2).item()
        0.0
    """
    if len(scores) <= objects:
        return scores.sum() * 0
    q = scores / scores.detach().sum().clamp(min=torch.finfo(scores.dtype).tiny)
    return -torch.xlogy(q, q.clamp(min=1e-12)).sum() / objects


class SparseObjectPrior(ScheduledLoss):
    r"""Entropy of the scores after suppression, for more boxes than objects.

    :func:`sparse_prior` of each class that an image has, averaged over these
    classes and over the images: "BiDet: An Efficient Binarized Object
    Detector" (Wang et al., CVPR 2020, section 3.3). Two stages: of the
    proposals, which have one class, times ``weight``, and of the box head's
    detections, times ``region_weight``. Boxes are suppressed as the detector
    itself does it.

    The released code divides by the number of classes that count, which may
    be 0; a batch without any gives 0 here. BiDet's boxes drawn around a
    predicted mean are left out: its code switches them off for SSD, and a
    test only reads the mean.

    Args:
        weight (float): The released code has 0.2 for SSD and 0.01 for the
            proposals.
        region_weight (float): 0.05 there; two stages only.
        score_thr (float): Detections of one stage count above it; 0.03 there.
        region_score_thr (float): Those of the box head; 0.01 there.
        start (float): See :class:`ScheduledLoss`.

    Raises:
        ValueError: If a weight is negative, or the detector has several box
            heads.
    """

    def __init__(
        self,
        weight: float = 0.2,
        region_weight: float = 0.05,
        score_thr: float = 0.03,
        region_score_thr: float = 0.01,
        start: float = 0.1,
    ) -> None:
        super().__init__(weight, start)
        self._check_weight('region_weight', region_weight)
        self.region_weight = region_weight
        self.score_thr, self.region_score_thr = score_thr, region_score_thr

    def watches(self, detector: nn.Module) -> tuple:
        """Heads, and where the box head's regions come from."""
        first, _ = dense_head(detector)
        return (first, EXTRACTOR, BOX_HEAD) if is_two_stage(detector) else (first,)

    def measure(self, context: Context) -> Tensor:
        """The weighted loss, once it has started."""
        student = context.student
        detector, classes = student.detector, [each.bincount() for each in context.labels()]
        if not is_two_stage(detector):
            cfg = {**detector.test_cfg, 'score_thr': self.score_thr}
            return self.weight * _mean(student.found(context.metas, **cfg), classes)
        proposals = student.found(context.metas, **detector.train_cfg.rpn_proposal)
        objects = [torch.stack([each.sum()]) for each in classes]
        return self.weight * _mean(proposals, objects) + self.region_weight * _mean(
            self._detections(context), classes
        )

    def _detections(self, context: Context) -> list:
        """Of the box head on the regions that it was trained on."""
        calls, metas = context.student.calls, context.metas
        scores, boxes = (part.float() for part in calls[BOX_HEAD][-1].output[:2])
        # A mask head may ask the same extractor later.
        rois = next(c.inputs[1] for c in calls[EXTRACTOR] if len(c.inputs[1]) == len(scores))
        masks = [rois[:, 0] == number for number in range(len(metas))]
        roi_head = context.student.detector.roi_head
        return roi_head.bbox_head.predict_by_feat(
            rois=tuple(rois[mask] for mask in masks),
            cls_scores=tuple(scores[mask] for mask in masks),
            bbox_preds=tuple(boxes[mask] for mask in masks),
            batch_img_metas=metas,
            rcnn_test_cfg=roi_head.test_cfg | dict(score_thr=self.region_score_thr),
            rescale=False,
        )


def _mean(found: Sequence, counts: Sequence) -> Tensor:
    """Over the images, of the mean over the classes that an image has."""
    return torch.stack([_of_image(*each) for each in zip(found, counts, strict=True)]).mean()


def _of_image(found, counts: Tensor) -> Tensor:
    labels = found.labels if 'labels' in found else torch.zeros_like(found.scores, dtype=torch.long)
    each = [
        sparse_prior(found.scores[labels == label], int(counts[label]))
        for label in counts.nonzero()[:, 0].tolist()
    ]
    return torch.stack(each).mean() if each else found.scores.sum() * 0
