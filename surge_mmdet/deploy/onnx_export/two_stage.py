"""Proposals, region features and the box head in the graph: Faster R-CNN."""

import numpy as np
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.models.task_modules.coders import DeltaXYWHBBoxCoder
from torch import nn

from .boxes import Limits, from_deltas
from .dense import Found
from .graph import Graph, columns, tensor

TINY = 1e-6  # mmdet adds it in front of the logarithm


def check_second_stage(model: nn.Module) -> None:
    """Refuse what has no form in the graph.

    Raises:
        ValueError: With the name of the layer.
    """
    head = model.roi_head
    if type(head).__name__ != 'StandardRoIHead':
        raise ValueError(
            f'roi_head, {type(head).__name__}, cannot be exported. Write '
            "roi_head=dict(type='StandardRoIHead', ...)"
        )
    if head.with_mask:
        raise ValueError(
            f'roi_head.mask_head, {type(head.mask_head).__name__}, cannot be exported: masks have '
            'no place in the result. Write mask_head=None'
        )
    extractor, coder = head.bbox_roi_extractor, head.bbox_head.bbox_coder
    if not isinstance(extractor, SingleRoIExtractor):
        raise ValueError(
            f'roi_head.bbox_roi_extractor, {type(extractor).__name__}, cannot be exported. Write '
            "bbox_roi_extractor=dict(type='SingleRoIExtractor', ...)"
        )
    for i, layer in enumerate(extractor.roi_layers):
        if getattr(layer, 'pool_mode', None) != 'avg' or not layer.aligned:
            raise ValueError(
                f'roi_head.bbox_roi_extractor.roi_layers.{i}, {layer}, cannot be exported. Write '
                "roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0)"
            )
    if type(coder) is not DeltaXYWHBBoxCoder or coder.add_ctr_clamp:
        raise ValueError(
            f'roi_head.bbox_head.bbox_coder, {type(coder).__name__}, cannot be exported. Write '
            "bbox_coder=dict(type='DeltaXYWHBBoxCoder') without add_ctr_clamp"
        )
    if head.bbox_head.custom_cls_channels or head.bbox_head.loss_cls.use_sigmoid:
        raise ValueError(
            'roi_head.bbox_head with sigmoid scores cannot be exported. Write '
            "loss_cls=dict(type='CrossEntropyLoss')"
        )


def regions(g: Graph, extractor: nn.Module, features: list, boxes: str) -> tuple:
    """Features of boxes, and the boxes in the order of the features: level by level.

    Args:
        g (Graph): Changed in place.
        extractor (nn.Module): mmdet's ``SingleRoIExtractor``.
        features (list[str]): Its maps.
        boxes (str): (N, 4).

    Returns:
        tuple[str, str]: (N, C, h, w) and (N, 4).
    """
    layers = list(extractor.roi_layers)
    if len(layers) == 1:
        return _aligned(g, layers[0], features[0], boxes), boxes
    level, parts = _levels(g, extractor, boxes), []
    for i, (layer, feature) in enumerate(zip(layers, features, strict=False)):
        here = g('NonZero', g('Equal', level, np.int64(i)))
        own = g('Gather', boxes, g('Reshape', here, np.int64([-1])), axis=0)
        parts.append((_aligned(g, layer, feature, own), own))
    return tuple(g('Concat', *each, axis=0) for each in zip(*parts, strict=True))


def _levels(g: Graph, extractor: nn.Module, boxes: str) -> str:
    """As ``map_roi_levels``, (N, ) int64."""
    x1, y1, x2, y2 = columns(g, boxes, 4)
    scale = g('Sqrt', g('Mul', g('Sub', x2, x1), g('Sub', y2, y1)))
    scale = g('Add', g('Div', scale, np.float32(extractor.finest_scale)), np.float32(TINY))
    level = g('Floor', g('Div', g('Log', scale), np.float32(np.log(2))))
    most = np.float32(len(extractor.roi_layers) - 1)
    level = g('Cast', g('Clip', level, np.float32(0), most), to=7)  # INT64
    return g('Squeeze', level, np.int64([1]))


def _aligned(g: Graph, layer: nn.Module, feature: str, boxes: str) -> str:
    size = layer.output_size
    height, width = size if isinstance(size, (tuple, list)) else (size, size)
    count = g('Shape', boxes, start=0, end=1)
    first = g('ConstantOfShape', count, value=tensor(np.int64([0])))
    return g(
        'RoiAlign',
        feature,
        boxes,
        first,
        mode='avg',
        output_height=height,
        output_width=width,
        spatial_scale=float(layer.spatial_scale),
        sampling_ratio=int(layer.sampling_ratio),
        coordinate_transformation_mode='half_pixel',
    )


def of_regions(
    g: Graph, model: nn.Module, boxes: str, logits: str, offsets: str, limits: Limits
) -> Found:
    """Candidates of the box head: each class of each region."""
    head, cfg = model.roi_head.bbox_head, model.test_cfg['rcnn']
    classes = head.num_classes
    odds = g('Softmax', logits, axis=1)
    odds = g('Slice', odds, np.int64([0]), np.int64([classes]), np.int64([1]))
    scores = g('Reshape', odds, np.int64([-1]))
    place = g('Range', np.int64(0), g('Squeeze', g('Shape', scores)), np.int64(1))
    labels = g('Mod', place, np.int64(classes))
    index = g('Div', place, np.int64(classes))
    if head.reg_class_agnostic:
        values = g('Gather', offsets, index, axis=0)
    else:
        values = g('Reshape', offsets, np.int64([-1, 4]))
    priors = g('Gather', boxes, index, axis=0)
    found = from_deltas(g, head.bbox_coder, priors, values, limits)
    enough = g('Cast', g('Greater', scores, np.float32(cfg['score_thr'])), to=1)  # FLOAT
    return Found(found, g('Mul', scores, enough), labels, labels)
