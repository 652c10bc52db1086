"""The network of a detector apart from what mmdet does before and after it.

The network of a one-stage detector is everything up to the maps of its head;
of a two-stage one it is everything up to the maps of the RPN, and the box head
on region features. The rest, anchors, suppression and RoIAlign, is mmdet's own
code around whatever runs the network.
"""

import copy
import time
from collections.abc import Callable
from typing import NamedTuple, Optional

import torch
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from ....kernels.forced import use_kernel


def dense_head(model: nn.Module) -> nn.Module:
    """The head that reads the maps of the neck.

    Raises:
        ValueError: For a detector of another build.
    """
    head = getattr(model, 'rpn_head', None) or getattr(model, 'bbox_head', None)
    if head is None or not hasattr(head, 'predict_by_feat'):
        raise ValueError(
            f'{type(model).__name__} has neither a dense bbox_head nor an rpn_head. Name the '
            'config of a one-stage detector, or of one with an RPN and a box head'
        )
    return head


def box_head(model: nn.Module) -> Optional[nn.Module]:
    """The second stage's one box head; None without one, or where there are several."""
    head = getattr(getattr(model, 'roi_head', None), 'bbox_head', None)
    return head if isinstance(head, BBoxHead) else None


class Trunk(nn.Module):
    """Backbone, neck and dense head: an image to a flat tuple of maps.

    Args:
        model (nn.Module): The detector; its modules are shared.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.backbone, self.neck = model.backbone, model.neck if model.with_neck else None
        self.head = copy.copy(dense_head(model))  # its forward is taken over in the model
        self.keeps_features = box_head(model) is not None or hasattr(model, 'roi_head')

    def forward(self, x: Tensor) -> tuple:
        """(N, 3, H, W) to the features of a two-stage detector, and all maps of the head."""
        features = self.backbone(x)
        features = features if self.neck is None else self.neck(features)
        maps, _ = tree_flatten(self.head(features))
        return (*features, *maps) if self.keeps_features else tuple(maps)


class Shape(NamedTuple):
    """How a flat tuple of maps becomes what mmdet's code takes.

    Attributes:
        features (int): How many of them are for the second stage.
        spec: Of ``tree_unflatten``, for the rest.
    """

    features: int
    spec: object

    @classmethod
    @torch.no_grad()
    def of(cls, model: nn.Module, x: Tensor) -> 'Shape':
        """Of a detector, for an input (N, 3, H, W)."""
        trunk = Trunk(model)
        features = model.extract_feat(x)
        _, spec = tree_flatten(trunk.head(features))
        return cls(len(features) if trunk.keeps_features else 0, spec)


class OtherSize(ValueError):
    """An image of another size than a runtime was built for; the text is for a table."""


def of_one_size(run: Callable, shape: tuple) -> Callable:
    """Runs on inputs of this shape only.

    Raises:
        OtherSize: From what is returned, for another shape.
    """

    def checked(x: Tensor) -> tuple:
        if tuple(x.shape) != tuple(shape):
            sizes = ['{}x{}'.format(*each[-2:]) for each in (x.shape, shape)]
            raise OtherSize(f'an image is {sizes[0]}, built for {sizes[1]}')
        return run(x)

    return checked


class Clocked(nn.Module):
    """Something that runs in a module's place, and adds up its time by ``now``."""

    def __init__(self, run: Callable, now: Callable) -> None:
        super().__init__()
        self.run, self.now, self.seconds = run, now, 0.0

    def forward(self, x: Tensor) -> tuple:
        start = self.now()
        found = self.run(x)
        self.seconds += self.now() - start
        return found


class Detector:
    """An mmdet detector whose network is run by something else.

    Args:
        model (nn.Module): Gives everything around the network; changed in place.
        shape (Shape): Of its maps.
        trunk (Callable): An image to the flat tuple of maps.
        boxes (Callable | None): Region features to scores and offsets.
        now (Callable): The clock.
        kernel (str | None): That this package's operators are held to:
            ``torch`` for none of them, so that all is mmdet's and mmcv's.

    Attributes:
        parts (list[dict]): Seconds of each :meth:`predict`: ``before`` the
            network, in it, and of the ``rest`` around and behind it.
    """

    def __init__(
        self,
        model: nn.Module,
        shape: Shape,
        trunk: Callable,
        boxes: Optional[Callable] = None,
        now: Callable = time.perf_counter,
        kernel: Optional[str] = None,
    ) -> None:
        self.model, self.trunk, self.now = model, Clocked(trunk, now), now
        self.kernel = kernel
        self.boxes = None if boxes is None else Clocked(boxes, now)
        head = dense_head(model)
        model.backbone, model.neck = self.trunk, None
        head.forward = lambda maps: tree_unflatten(maps[shape.features :], shape.spec)
        if self.boxes:
            box_head(model).forward = lambda features: self.boxes(features)
        self.parts: list[dict] = []

    @torch.no_grad()
    def predict(self, batch: dict) -> list:
        """From a batch as a data loader gives it to mmdet's samples with detections."""
        before = self._network_seconds()
        start = self.now()
        data = self.model.data_preprocessor(batch, False)
        ready = self.now()
        with use_kernel(self.kernel):
            found = self.model(**data, mode='predict')
        end = self.now()
        network = self._network_seconds() - before
        self.parts.append(dict(before=ready - start, network=network, rest=end - ready - network))
        return found

    @torch.no_grad()
    def maps(self, x: Tensor) -> tuple:
        """What the network gives for an input (N, 3, H, W)."""
        with use_kernel(self.kernel):
            return self.trunk.run(x)

    @torch.no_grad()
    def of_regions(self, features: Tensor) -> tuple:
        """What the box head gives for region features (K, C, h, w)."""
        with use_kernel(self.kernel):
            return self.boxes.run(features)

    def _network_seconds(self) -> float:
        return self.trunk.seconds + (self.boxes.seconds if self.boxes else 0.0)
