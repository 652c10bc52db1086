"""Non-maximum suppression of packed detectors: all later boxes at a time."""

import copy

import torch
from mmcv.ops import nms as mmcv_nms
from torch import Tensor, nn

from ...kernels import ops


def packed_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    offset: int = 0,
    score_threshold: float = 0,
    max_num: int = -1,
) -> tuple:
    """As ``mmcv.ops.nms``, which compares box by box on a CPU; the same boxes.

    Args:
        boxes (Tensor): (K, 4), corners.
        scores (Tensor): (K, ).
        iou_threshold (float): Boxes that overlap a better one by more go.
        offset (int): 0, or 1 for widths that count both border pixels.
        score_threshold (float): Above 0: boxes that do not score more go first.
        max_num (int): Above 0: the number of boxes that stay, at most.

    Returns:
        tuple: ((k, 5) boxes with scores, (k, ) indices), by falling score.
    """
    kernel = ops.kernel_name()
    if kernel == ops.PLAIN:
        return mmcv_nms(boxes, scores, iou_threshold, offset, score_threshold, max_num)
    found = torch.arange(len(scores))
    if score_threshold > 0:
        found = (scores > score_threshold).nonzero().squeeze(1)
    order = found[scores[found].sort(descending=True)[1]]
    sorted_boxes = boxes[order].float().contiguous()
    most = max(max_num, 0)
    keep = torch.ops.surge_mmdet.nms(sorted_boxes, iou_threshold, offset, most, kernel).bool()
    inds = order[keep]
    return torch.cat([boxes[inds], scores[inds, None]], 1), inds


def use_packed_nms(model: nn.Module) -> None:
    """Let every part of ``model`` that asks for mmcv's ``nms`` take the packed one.

    mmdet keeps the first ``max_per_img`` of the boxes that stay, so more are
    not looked for.
    """
    for module in model.modules():
        test_cfg = getattr(module, 'test_cfg', None)
        wanted = test_cfg and test_cfg.get('nms')
        if wanted and wanted.get('type') == 'nms':
            module.test_cfg = copy.deepcopy(test_cfg)  # parts share theirs with the config
            module.test_cfg.nms.type = packed_nms
            if test_cfg.get('max_per_img', 0) > 0:
                module.test_cfg.nms.setdefault('max_num', test_cfg.max_per_img)
