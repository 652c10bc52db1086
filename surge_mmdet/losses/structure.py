"""Where a detector of mmdet keeps its heads, and what its maps are."""

from typing import NamedTuple

from mmengine.utils import is_tuple_of
from torch import nn


class Level(NamedTuple):
    """One map that the heads read: its channels, and the stride in x and y."""

    channels: int
    stride: tuple

    def __str__(self) -> str:
        return f'{self.channels} channels of stride {self.stride[0]}'


def dense_head(detector: nn.Module) -> tuple:
    """Name and module of the head that predicts at every cell: RPN or single stage."""
    for name in ('rpn_head', 'bbox_head'):
        head = getattr(detector, name, None)
        if isinstance(head, nn.Module):
            return name, head
    raise ValueError(
        f'{type(detector).__name__} has neither rpn_head nor bbox_head, whose boxes and maps a '
        'loss of this config needs. Take a detector of one or two stages, such as FasterRCNN.'
    )


def is_two_stage(detector: nn.Module) -> bool:
    """Whether a RoI head follows."""
    return dense_head(detector)[0] == 'rpn_head'


def has_anchors(head: nn.Module) -> bool:
    """Whether a dense head predicts for anchors, not for points."""
    return hasattr(getattr(head, 'prior_generator', None), 'base_anchors')


def levels_of(detector: nn.Module) -> list:
    """The :class:`Level` of each map, from the dense head's own options.

    Raises:
        ValueError: If the head does not tell them.
    """
    _, head = dense_head(detector)
    channels = getattr(head, 'in_channels', None)
    strides = getattr(getattr(head, 'prior_generator', None), 'strides', None)
    if channels is None or not strides:
        raise ValueError(
            f'{type(head).__name__} tells neither in_channels nor the strides of its maps. Take a '
            'detector whose head has a prior_generator, such as RetinaNet.'
        )
    if isinstance(channels, int):
        channels = [channels] * len(strides)
    pairs = [tuple(s) if is_tuple_of(s, (int, float)) else (s, s) for s in strides]
    return [Level(*each) for each in zip(channels, pairs, strict=True)]
