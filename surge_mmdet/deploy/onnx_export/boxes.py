"""Boxes in the graph: what the coders of mmdet decode, and suppression."""

from typing import NamedTuple

import numpy as np

from .graph import Graph, columns

RATIO = abs(np.log(16 / 1000))  # of mmdet's delta2bbox: the largest change of a side


class Limits(NamedTuple):
    """Where boxes end.

    Attributes:
        height, width (str): float32 scalars, of the image without padding.
    """

    height: str
    width: str


class Suppression(NamedTuple):
    """What is kept of the boxes.

    Attributes:
        iou (float): Overlap above which the weaker box goes.
        most (int): Boxes at most.
        smallest (float): Sides have to be longer than this; less than 0 for any.
    """

    iou: float
    most: int
    smallest: float = -1

    @classmethod
    def of(cls, cfg: dict, name: str) -> 'Suppression':
        """Of a ``test_cfg``, which an error calls ``name``.

        Raises:
            ValueError: For another suppression than plain NMS.
        """
        nms = dict(cfg['nms'])
        kind, iou = nms.pop('type', 'nms'), nms.pop('iou_threshold')
        nms.pop('split_thr', None)  # the same boxes in another order of work
        if nms.get('max_num', -1) <= 0:  # no limit
            nms.pop('max_num', None)
        if kind != 'nms' or nms:
            raise ValueError(
                f'{name}.nms of {dict(cfg["nms"])} cannot be exported. Write '
                f"nms=dict(type='nms', iou_threshold={iou})"
            )
        return cls(iou, cfg.get('max_per_img', -1), cfg.get('min_bbox_size', -1))


def from_deltas(g: Graph, coder, priors: str, deltas: str, limits: Limits) -> str:
    """As ``DeltaXYWHBBoxCoder.decode``: (N, 4) priors and offsets to (N, 4) boxes."""
    means, stds = (np.float32([v]) for v in (coder.means, coder.stds))
    dx, dy, dw, dh = columns(g, g('Add', g('Mul', deltas, stds), means), 4)
    x1, y1, x2, y2 = columns(g, priors, 4)
    sides = []
    half = np.float32(0.5)
    for low, high, shift, growth in ((x1, x2, dx, dw), (y1, y2, dy, dh)):
        size, middle = g('Sub', high, low), g('Mul', g('Add', low, high), half)
        center = g('Add', middle, g('Mul', size, shift))
        growth = g('Clip', growth, np.float32(-RATIO), np.float32(RATIO))
        reach = g('Mul', g('Mul', size, g('Exp', growth)), half)
        sides.append((g('Sub', center, reach), g('Add', center, reach)))
    return _joined(g, sides, limits if coder.clip_border else None)


def from_distances(g: Graph, coder, points: str, distances: str, limits: Limits) -> str:
    """As ``DistancePointBBoxCoder.decode``: (N, 2) points, (N, 4) left, top, right, bottom."""
    x, y = columns(g, points, 2)
    left, top, right, bottom = columns(g, distances, 4)
    sides = [(g('Sub', x, left), g('Add', x, right)), (g('Sub', y, top), g('Add', y, bottom))]
    return _joined(g, sides, limits if coder.clip_border else None)


def from_centers(g: Graph, points: str, strides: str, values: str) -> str:
    """As YOLOX: shifts of the centers in strides, logarithms of the sides."""
    x, y = columns(g, points, 2)
    dx, dy, dw, dh = columns(g, values, 4)
    sides = []
    for point, shift, growth in ((x, dx, dw), (y, dy, dh)):
        center = g('Add', point, g('Mul', shift, strides))
        reach = g('Mul', g('Mul', g('Exp', growth), strides), np.float32(0.5))
        sides.append((g('Sub', center, reach), g('Add', center, reach)))
    return _joined(g, sides, None)


def _joined(g: Graph, sides: list, limits) -> str:
    """Left and right, top and bottom as rows x1, y1, x2, y2."""
    if limits:
        sides = [
            tuple(g('Clip', value, np.float32(0), most) for value in pair)
            for pair, most in zip(sides, (limits.width, limits.height), strict=True)
        ]
    (x1, x2), (y1, y2) = sides
    return g('Concat', x1, y1, x2, y2, axis=1)


def suppressed(g: Graph, boxes: str, scores: str, groups: str, rule: Suppression) -> str:
    """Indices of the boxes that stay, the strongest first.

    Boxes of different groups are moved apart, as mmcv's ``batched_nms`` does,
    so that they do not meet.

    Args:
        g (Graph): Changed in place.
        boxes (str): (N, 4) float32.
        scores (str): (N, ); 0 for boxes that must not stay.
        groups (str): (N, ) int64: classes or levels.
        rule (Suppression): What is kept.
    """
    if rule.smallest >= 0:
        scores = g('Mul', scores, _large_enough(g, boxes, rule.smallest))
    step = g('Add', g('ReduceMax', boxes, keepdims=0), np.float32(1))
    shift = g('Mul', g('Cast', groups, to=1), step)  # FLOAT
    apart = g('Add', boxes, g('Unsqueeze', shift, np.int64([1])))
    most = np.int64([rule.most if rule.most >= 0 else np.iinfo(np.int32).max])
    found = g(
        'NonMaxSuppression',
        g('Unsqueeze', apart, np.int64([0])),
        g('Unsqueeze', scores, np.int64([0, 1])),
        most,
        np.float32([rule.iou]),
        np.float32([0]),
    )
    return g('Gather', found, np.int64(2), axis=1)


def _large_enough(g: Graph, boxes: str, smallest: float) -> str:
    """(N, ) 1.0 and 0.0."""
    x1, y1, x2, y2 = columns(g, boxes, 4)
    wide, high = (
        g('Greater', g('Sub', b, a), np.float32(smallest)) for a, b in ((x1, x2), (y1, y2))
    )
    return g('Squeeze', g('Cast', g('And', wide, high), to=1), np.int64([1]))  # FLOAT
