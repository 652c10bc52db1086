"""Noise images with boxes, so that a step can be measured without data."""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

BOXES = 8  # per image
CYCLE = 4  # different batches


def synthetic_batches(model: nn.Module, batch_size: int, height: int, width: int) -> Iterator:
    """Endless batches of noise with boxes, as ``PackDetInputs`` gives them.

    A few batches by turns, the same for every model with as many classes.
    """
    generator = torch.Generator().manual_seed(0)
    classes = max(
        (
            m.num_classes
            for m in model.modules()
            if isinstance(getattr(m, 'num_classes', None), int)
        ),
        default=1,
    )
    masks = getattr(model, 'with_mask', False)
    batches = [
        _synthetic_batch(batch_size, height, width, classes, masks, generator) for _ in range(CYCLE)
    ]
    return itertools.cycle(batches)


def _synthetic_batch(
    batch_size: int, height: int, width: int, classes: int, masks: bool, generator: torch.Generator
) -> dict:
    images = [
        torch.randint(256, (3, height, width), dtype=torch.uint8, generator=generator)
        for _ in range(batch_size)
    ]
    samples = [
        _sample(index, height, width, classes, masks, generator) for index in range(batch_size)
    ]
    return dict(inputs=images, data_samples=samples)


def _sample(
    index: int, height: int, width: int, classes: int, masks: bool, generator: torch.Generator
):
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    size = torch.tensor([width, height], dtype=torch.float32)
    # Sides of a tenth to a half of the image, anywhere inside it.
    sides = size * (0.1 + 0.4 * torch.rand(BOXES, 2, generator=generator))
    corner = (size - sides) * torch.rand(BOXES, 2, generator=generator)
    boxes = torch.cat([corner, corner + sides], 1)
    labels = torch.randint(classes, (BOXES,), generator=generator)
    instances = InstanceData(bboxes=boxes, labels=labels)
    if masks:
        instances.masks = _masks(boxes, height, width)
    shape = (height, width)
    sample = DetDataSample(
        metainfo=dict(img_id=index, img_shape=shape, ori_shape=shape, scale_factor=(1.0, 1.0))
    )
    sample.gt_instances = instances
    return sample


def _masks(boxes: torch.Tensor, height: int, width: int):
    from mmdet.structures.mask import BitmapMasks

    filled = np.zeros((len(boxes), height, width), np.uint8)
    for mask, (left, top, right, bottom) in zip(filled, boxes.int().tolist(), strict=True):
        mask[top:bottom, left:right] = 1
    return BitmapMasks(filled, height, width)
