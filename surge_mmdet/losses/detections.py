"""Scores that are left after suppression, with their gradient.

mmdet's own post-processing gives scores without one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmcv.ops import batched_nms
from torch import Tensor, nn


class Detections(NamedTuple):
    """Of one image: scores (K,) with gradient, and their classes (K,)."""

    scores: Tensor
    labels: Tensor


class Suppression(NamedTuple):
    """How boxes are left out.

    Args:
        score_thr (float): Scores up to it go first.
        nms (dict): As mmdet's ``test_cfg`` has it, for boxes of one class.
        before, after (int): Most boxes of an image before and after it.
    """

    score_thr: float
    nms: dict
    before: int
    after: int


def dense_detections(
    head: nn.Module, outputs: Sequence, metas: Sequence, suppression: Suppression
) -> list:
    """What an anchor head finds in each image.

    Args:
        head (AnchorHead): RPN, SSD, RetinaNet.
        outputs (sequence): Scores and box offsets of each level.
        metas (sequence of dict): Of the images.
        suppression (Suppression): As the detector's own.
    """
    sizes = [tuple(each.shape[-2:]) for each in outputs[0]]
    priors = torch.cat(head.prior_generator.grid_priors(sizes, device=outputs[0][0].device))
    scores, offsets = (_rows(maps, len(metas), priors) for maps in outputs[:2])
    scores = scores.sigmoid() if head.use_sigmoid_cls else scores.softmax(-1)[..., :-1]
    found = []
    for own, offset, meta in zip(scores, offsets.detach(), metas, strict=True):
        boxes = head.bbox_coder.decode(priors, offset, max_shape=meta['img_shape'])
        real = (boxes[:, 2:] > boxes[:, :2]).all(1)  # anchors beside the image have none
        boxes = boxes[real, None].expand(-1, own.shape[1], 4)
        found.append(suppressed(own[real], boxes, suppression))
    return found


def region_detections(
    head: nn.Module, outputs: Sequence, rois: Tensor, metas: Sequence, suppression: Suppression
) -> list:
    """What a box head finds in each image.

    Args:
        head (BBoxHead): With softmax scores, as mmdet's.
        outputs (sequence): Scores and box offsets of each region.
        rois (Tensor): (R, 5), the number of the image and a box.
        metas (sequence of dict): Of the images.
        suppression (Suppression): As the detector's own.
    """
    scores, offsets = outputs[0].float().softmax(-1)[:, :-1], outputs[1].detach().float()
    found = []
    for number, meta in enumerate(metas):
        own = rois[:, 0] == number
        boxes = rois[own, 1:].repeat_interleave(offsets.shape[1] // 4, 0)
        boxes = head.bbox_coder.decode(
            boxes, offsets[own].reshape(-1, 4), max_shape=meta['img_shape']
        )
        boxes = boxes.view(int(own.sum()), -1, 4)  # one box for all classes, or one for each
        boxes = boxes.expand(-1, scores.shape[1], 4)
        found.append(suppressed(scores[own], boxes, suppression))
    return found


def suppressed(scores: Tensor, boxes: Tensor, suppression: Suppression) -> Detections:
    """The detections that are left of (P, C) scores and (P, C, 4) boxes."""
    with torch.no_grad():
        place, label = (scores > suppression.score_thr).nonzero().unbind(1)
        best = scores[place, label].topk(min(suppression.before, len(place))).indices
        place, label = place[best], label[best]
        if len(place):  # mmcv's suppression does not take nothing
            nms = dict(suppression.nms)
            _, kept = batched_nms(boxes[place, label], scores[place, label], label, nms)
            place, label = place[kept[: suppression.after]], label[kept[: suppression.after]]
    return Detections(scores[place, label], label)


def _rows(maps: Sequence, images: int, priors: Tensor) -> Tensor:
    """Maps (N, A * K, H, W) of all levels as (N, priors, K)."""
    rows = [each.float().permute(0, 2, 3, 1).reshape(images, -1) for each in maps]
    return torch.cat(rows, 1).view(images, len(priors), -1)
