"""Few confident boxes instead of many uncertain ones (BiDet)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .context import Context
from .detections import Detections, Suppression, dense_detections, region_detections
from .scheduled import ScheduledLoss
from .structure import dense_head, has_anchors, is_two_stage

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
        start (float): Share of the training before it joins in; that of the
            released code is 0.1 for SSD and 0.5 for Faster R-CNN, as
            :class:`ScheduledLoss` says.

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

    def prepare(self, detector: nn.Module) -> None:
        """Refuse heads whose scores are not of anchors."""
        _, head = dense_head(detector)
        if not has_anchors(head):
            raise ValueError(
                f'SparseObjectPrior: {type(head).__name__} has no anchors. Leave the loss out, or '
                'take a detector with anchors, such as FasterRCNN or SSD.'
            )

    def measure(self, context: Context) -> Tensor:
        """The weighted loss, once it has started."""
        detector, classes = context.student.detector, [n.bincount() for n in context.labels()]
        if not is_two_stage(detector):
            cfg = detector.test_cfg
            own = Suppression(self.score_thr, cfg.nms, cfg.nms_pre, cfg.max_per_img)
            return self.weight * _mean(self._dense(context, own), classes)
        cfg, objects = detector.train_cfg.rpn_proposal, [n.sum()[None] for n in classes]
        own = Suppression(0.0, cfg.nms, cfg.nms_pre, cfg.max_per_img)
        proposals = _mean(self._dense(context, own), objects)
        regions = _mean(self._regions(context), classes)
        return self.weight * proposals + self.region_weight * regions

    @staticmethod
    def _dense(context: Context, suppression: Suppression) -> list:
        student = context.student
        _, head = dense_head(student.detector)
        return dense_detections(head, student.dense_outputs(), context.metas, suppression)

    def _regions(self, context: Context) -> list:
        """Of the box head, on the regions that it was trained on."""
        calls, roi_head = context.student.calls, context.student.detector.roi_head
        outputs, cfg = calls[BOX_HEAD][-1].output, roi_head.test_cfg
        # A mask head may ask the same extractor later.
        rois = next(c.inputs[1] for c in calls[EXTRACTOR] if len(c.inputs[1]) == len(outputs[0]))
        own = Suppression(self.region_score_thr, cfg.nms, len(rois), cfg.max_per_img)
        return region_detections(roi_head.bbox_head, outputs, rois, context.metas, own)


def _mean(found: Sequence, counts: Sequence) -> Tensor:
    """Over the images, of the mean over the classes that an image has."""
    return torch.stack([_of_image(*each) for each in zip(found, counts, strict=True)]).mean()


def _of_image(found: Detections, counts: Tensor) -> Tensor:
    each = [
        sparse_prior(found.scores[found.labels == label], int(counts[label]))
        for label in counts.nonzero()[:, 0].tolist()
    ]
    return torch.stack(each).mean() if each else found.scores.sum() * 0
