"""One training step, as a loss beside the detector's own sees it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Optional

import torch
from mmdet.structures.bbox import get_box_tensor
from mmengine.config import ConfigDict
from torch import Tensor, nn

from .structure import dense_head


class Call(NamedTuple):
    """What went into a module, and what came out."""

    inputs: tuple
    output: object


@contextmanager
def watched(detector: nn.Module, names: Sequence) -> Iterator:
    """Keep the calls of the modules of these names; hooks are gone afterwards.

    Yields:
        dict: From each name to its calls, in order.
    """
    calls = {name: [] for name in names}
    hooks = [
        detector.get_submodule(name).register_forward_hook(partial(_keep, found))
        for name, found in calls.items()
    ]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _keep(calls: list, module: nn.Module, inputs: tuple, output) -> None:
    calls.append(Call(inputs, output))


@dataclass
class View:
    """What one detector makes of the batch.

    Args:
        maps (sequence of Tensor): What its heads read, (N, C, H, W) each.
        detector (nn.Module | None): It; None where no loss asks.
        calls (dict): See :func:`watched`.
    """

    maps: Sequence
    detector: Optional[nn.Module] = None
    calls: dict = field(default_factory=dict)

    def dense_outputs(self) -> tuple:
        """What its dense head (the RPN of two stages) said at every cell.

        A head that nobody watched, as a teacher's, is asked now, without
        gradient.
        """
        name, head = dense_head(self.detector)
        if not self.calls.get(name):
            with torch.no_grad():
                self.calls[name] = [Call((self.maps,), head(self.maps))]
        return self.calls[name][-1].output

    def found(self, metas: Sequence, **cfg) -> list:
        """The boxes of its dense head after suppression, without gradient.

        Args:
            metas (sequence of dict): Of the images.
            **cfg: Post-processing, as ``test_cfg`` has it.

        Returns:
            list[InstanceData]: ``bboxes`` and ``scores`` of each image, and
            ``labels`` unless the head is an RPN.
        """
        _, head = dense_head(self.detector)
        outputs = [_float(part) for part in self.dense_outputs()]
        return head.predict_by_feat(
            *outputs, batch_img_metas=list(metas), cfg=ConfigDict(cfg), rescale=False
        )


@dataclass
class Context:
    """The batch, the student's view of it, and a teacher's.

    Args:
        student (View): Of the detector that is trained.
        teacher (View | None): Without gradient; None if there is none.
        samples (sequence): The batch's ``DetDataSample``; boxes are in
            coordinates of the input.
        size (tuple | None): Height and width of the input, with its padding.
    """

    student: View
    teacher: Optional[View] = None
    samples: Sequence = ()
    size: Optional[tuple] = None

    @property
    def metas(self) -> list:
        """What the pipeline says of each image."""
        return [sample.metainfo for sample in self.samples]

    def boxes(self) -> list:
        """Ground truth of each image, (K, 4) as x1, y1, x2, y2; K may be 0."""
        return [get_box_tensor(sample.gt_instances.bboxes) for sample in self.samples]

    def labels(self) -> list:
        """Classes of the ground truth of each image, (K,)."""
        return [sample.gt_instances.labels for sample in self.samples]

    def cells(self, boxes: Tensor, like: Tensor) -> Tensor:
        """Cells of a map that boxes touch, at least one each.

        Args:
            boxes (Tensor): (K, 4) in coordinates of the input.
            like (Tensor): A map, (..., H, W).

        Returns:
            Tensor: (K, 4) integers; columns from x1 to x2, rows from y1 to
            y2, without the last ones.
        """
        (height, width), (h, w) = self.size, like.shape[-2:]
        ratio = boxes.new_tensor([w / width, h / height])
        last = boxes.new_tensor([w, h])
        first = (boxes[:, :2] * ratio).floor().clamp(min=0).minimum(last - 1)
        end = (boxes[:, 2:] * ratio).ceil().minimum(last).maximum(first + 1)
        return torch.cat([first, end], 1).long()

    def inside(self, boxes: Tensor, like: Tensor) -> Tensor:
        """Which cells of a map each box touches, (K, H, W) of bool."""
        x1, y1, x2, y2 = self.cells(boxes, like)[..., None].unbind(1)
        columns, rows = (torch.arange(n, device=like.device) for n in like.shape[:-3:-1])
        across = (columns >= x1) & (columns < x2)
        down = (rows >= y1) & (rows < y2)
        return down[:, :, None] & across[:, None]


def _float(part):
    if isinstance(part, Tensor):
        return part.float()
    return part if part is None else [_float(each) for each in part]
