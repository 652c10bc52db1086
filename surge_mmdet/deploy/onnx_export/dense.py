"""Dense heads in the graph: from the maps of each level to boxes, scores and labels."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from mmdet.models.task_modules.coders import DeltaXYWHBBoxCoder, DistancePointBBoxCoder
from mmdet.models.task_modules.prior_generators import AnchorGenerator, MlvlPointGenerator
from torch import nn

from .boxes import Limits, from_centers, from_deltas, from_distances
from .graph import Graph, tensor


class Found(NamedTuple):
    """Candidates of all levels.

    Attributes:
        boxes (str): (N, 4) float32.
        scores (str): (N, ) float32, 0 below the threshold.
        labels (str): (N, ) int64.
        levels (str): (N, ) int64.
    """

    boxes: str
    scores: str
    labels: str
    levels: str


class DenseHead:
    """The head of a detector as ``predict_by_feat`` reads its maps.

    Args:
        head (nn.Module): mmdet's.
        name (str): What an error calls it.
        cfg (dict): Its ``test_cfg``.
    """

    def __init__(self, head: nn.Module, name: str, cfg: dict) -> None:
        self.head, self.name, self.cfg = head, name, cfg
        self.is_yolox = type(head).__name__ == 'YOLOXHead'
        self.sigmoid = self.is_yolox or head.use_sigmoid_cls
        self.classes = head.cls_out_channels - (not self.sigmoid)
        if type(head).__name__.endswith('RPNHead'):
            self.threshold = 0.0
        else:
            self.threshold = cfg.get('score_thr', 0)
        self._check()

    def _check(self) -> None:
        priors, coder = self.head.prior_generator, getattr(self.head, 'bbox_coder', None)
        if not isinstance(priors, (AnchorGenerator, MlvlPointGenerator)):
            raise ValueError(
                f'{self.name}.prior_generator, {type(priors).__name__}, cannot be exported. Write '
                "prior_generator=dict(type='AnchorGenerator', ...), or 'MlvlPointGenerator'"
            )
        known = DeltaXYWHBBoxCoder, DistancePointBBoxCoder
        if not self.is_yolox and type(coder) not in known:
            raise ValueError(
                f'{self.name}.bbox_coder, {type(coder).__name__}, cannot be exported. Write '
                "bbox_coder=dict(type='DeltaXYWHBBoxCoder'), or 'DistancePointBBoxCoder'"
            )
        if getattr(coder, 'add_ctr_clamp', False):
            raise ValueError(
                f'{self.name}.bbox_coder with add_ctr_clamp=True cannot be exported. Write '
                'add_ctr_clamp=False'
            )

    def candidates(self, g: Graph, maps: Sequence, limits: Limits) -> Found:
        """The strongest of each level.

        Args:
            g (Graph): Changed in place.
            maps (Sequence): As the head gives them, flat: scores of all levels,
                then offsets, then the second factors of scores, if there are any.
            limits (Limits): Of the boxes.
        """
        count = len(self.head.prior_generator.strides)
        kinds = [maps[i : i + count] for i in range(0, len(maps), count)]
        levels = [self._level(g, i, *each) for i, each in enumerate(zip(*kinds, strict=True))]
        priors, values, strides, scores, labels, numbers = (
            g('Concat', *each, axis=0) for each in zip(*levels, strict=True)
        )
        return Found(self._boxes(g, priors, values, strides, limits), scores, labels, numbers)

    def _boxes(self, g: Graph, priors: str, values: str, strides: str, limits: Limits) -> str:
        if self.is_yolox:
            return from_centers(g, priors, strides, values)
        coder = self.head.bbox_coder
        decode = from_deltas if type(coder) is DeltaXYWHBBoxCoder else from_distances
        return decode(g, coder, priors, values, limits)

    def _level(self, g: Graph, level: int, cls: str, reg: str, factor: str = '') -> tuple:
        """Priors, offsets, strides, scores, labels and level of the strongest."""
        height, width = (g('Shape', cls, start=axis, end=axis + 1) for axis in (2, 3))
        logits = rows(g, cls, self.head.cls_out_channels)
        odds = g('Sigmoid', logits) if self.sigmoid else self._softmax(g, logits)
        factor = g('Reshape', g('Sigmoid', rows(g, factor, 1)), np.int64([-1])) if factor else ''
        if self.is_yolox:
            scores, index, labels = self._best_class(g, odds, factor)
        else:
            scores, index, labels = self._strongest(g, odds, factor)
        priors, strides = self._priors(g, level, index, width)
        values = g('Gather', rows(g, reg, 4), index, axis=0)
        number = g('ConstantOfShape', g('Shape', scores), value=tensor(np.int64([level])))
        return priors, values, strides, scores, labels, number

    def _softmax(self, g: Graph, logits: str) -> str:
        odds = g('Softmax', logits, axis=1)
        return g('Slice', odds, np.int64([0]), np.int64([self.classes]), np.int64([1]))

    def _strongest(self, g: Graph, odds: str, factor: str) -> tuple:
        """Of all classes of all priors; a factor changes scores, not who is strongest."""
        flat = g('Reshape', odds, np.int64([-1]))
        most = self.cfg.get('nms_pre', -1)
        size = g('Shape', flat)
        count = g('Min', size, np.int64([most])) if most > 0 else size
        scores, place = g('TopK', flat, count, outputs=2)
        enough = g('Cast', g('Greater', scores, np.float32(self.threshold)), to=1)  # FLOAT
        index = g('Div', place, np.int64(self.classes))
        if factor:
            scores = g('Mul', scores, g('Gather', factor, index, axis=0))
        return g('Mul', scores, enough), index, g('Mod', place, np.int64(self.classes))

    def _best_class(self, g: Graph, odds: str, factor: str) -> tuple:
        """YOLOX: one class for each prior."""
        scores = g('Mul', g('ReduceMax', odds, np.int64([1]), keepdims=0), factor)
        enough = g('GreaterOrEqual', scores, np.float32(self.threshold))
        index = g('Reshape', g('NonZero', enough), np.int64([-1]))
        labels = g('ArgMax', odds, axis=1, keepdims=0)
        return g('Gather', scores, index, axis=0), index, g('Gather', labels, index, axis=0)

    def _priors(self, g: Graph, level: int, index: str, width: str) -> tuple:
        """Anchors or points of these indices, and the level's stride for each."""
        generator = self.head.prior_generator
        stride = np.float32([generator.strides[level]])  # x, y
        anchors = isinstance(generator, AnchorGenerator)
        base = generator.base_anchors[level].numpy() if anchors else None
        cell = g('Div', index, np.int64(len(base))) if anchors else index
        x, y = g('Mod', cell, width), g('Div', cell, width)
        both = (g('Unsqueeze', value, np.int64([1])) for value in (x, y))
        place = g('Cast', g('Concat', *both, axis=1), to=1)  # FLOAT
        count = g('Concat', g('Shape', index), np.int64([1]), axis=0)
        one = g('ConstantOfShape', count, value=tensor(stride[0, :1]))
        if not anchors:
            shifted = g('Add', place, np.float32(generator.offset))
            return g('Mul', shifted, stride), one
        shift = g('Mul', place, stride)
        own = g('Gather', base, g('Mod', index, np.int64(len(base))), axis=0)
        return g('Add', own, g('Concat', shift, shift, axis=1)), one


def rows(g: Graph, values: str, width: int) -> str:
    """A map (1, A * width, H, W) as (H * W * A, width)."""
    last = g('Transpose', values, perm=[0, 2, 3, 1])
    return g('Reshape', last, np.int64([-1, width]))
