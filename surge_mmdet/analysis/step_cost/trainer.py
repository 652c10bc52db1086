"""A detector of a config, ready to take training steps in a benchmark."""

import copy
import itertools
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Iterator, Optional

import numpy as np
import torch
from torch import nn

from ..surge import close_steps, running_scalers
from .complexity_table import build_model, load_config, pipeline_shape
from .step_contestants import Contestant
from .step_cost import (
    allocator_peak,
    forget_peak,
    resident,
    saved_bytes,
    state_bytes,
    synchronise,
)

BOXES = 8  # per synthetic image
CYCLE = 4  # different synthetic batches


@dataclass(frozen=True)
class Setup:
    """What one process of the benchmark trains.

    Args:
        config (str): A config file, or ``mmdet::folder/name.py``.
        contestant (Contestant): How its binary layers train.
        options (dict): As ``--cfg-options``.
        data (str): ``synthetic`` or ``config``.
        batch (int | None): Images per step; None for the config's.
        shape (tuple | None): (height, width) of synthetic images; None for
            the scale of the config's test pipeline.
        device (str): ``cpu`` or ``cuda``.
        threads (int | None): None leaves the number to PyTorch.
    """

    config: str
    contestant: Contestant = field(default_factory=Contestant)
    options: dict = field(default_factory=dict)
    data: str = 'synthetic'
    batch: Optional[int] = None
    shape: Optional[tuple] = None
    device: str = 'cpu'
    threads: Optional[int] = None


class StepTrainer:
    """Model, optimiser and data, as the config's own training has them.

    Random choices (samplers of proposals, sizes, ...) are drawn alike by all
    contestants: each step has its own seed. The weights are random.

    Args:
        setup (Setup): What to train.

    Raises:
        FileNotFoundError, TypeError, ValueError: If it cannot be built; the
            text shows the corrected line.
    """

    def __init__(self, setup: Setup) -> None:
        if setup.threads:
            torch.set_num_threads(setup.threads)
        cfg = load_config(setup.config)
        cfg.merge_from_dict(setup.options)
        self.batch_size = setup.batch or cfg.train_dataloader.batch_size
        torch.manual_seed(0)
        model = setup.contestant.build(lambda: _detector(cfg, setup.config))
        self.device = torch.device(setup.device)
        self.model = model.to(self.device).train()
        self.wrapper = _optim_wrapper(cfg, self.model)
        self.scalers = running_scalers(self.model)
        self.shape = None
        if setup.data == 'synthetic':
            self.shape = setup.shape or image_shape(cfg, setup.config)
            self.data = synthetic_batches(self.model, self.batch_size, *self.shape)
        else:
            self.data = _own_batches(cfg, self.batch_size)
        self.steps = 0
        self.reset = forget_peak()
        self.start = resident()

    def details(self) -> dict:
        """What the table's head tells about the step."""
        found = dict(batch=self.batch_size, threads=torch.get_num_threads())
        if self.shape:
            found['input'] = '{}x{} (height x width)'.format(*self.shape)
        return found

    def step(self) -> float:
        """Seconds of one training step; fetching the images is left out."""
        batch = self._next()
        synchronise(self.device)
        start = time.perf_counter()
        self._train(batch)
        synchronise(self.device)
        return time.perf_counter() - start

    def memory(self) -> dict:
        """Bytes, of the steps so far and of one more under observation.

        ``resident`` is the peak of the process, ``growth`` that over its size
        before the first step; ``saved`` is what autograd keeps of a forward,
        ``allocator`` the peak of PyTorch's allocator: what lives between
        steps (``state``) and what a step adds.
        """
        now = resident()
        batch = self._next()
        state = state_bytes(self.model, self.wrapper.optimizer)
        step = allocator_peak(lambda: self._train(batch), self.device)
        return dict(
            resident=now and now[1],
            growth=now[1] - self.start[0] if self.reset else None,
            saved=self._saved(),
            state=state,
            allocator=state + step,
        )

    def loss(self, data: dict) -> torch.Tensor:
        """The loss of preprocessed ``data``, with its graph."""
        with self.wrapper.optim_context(self.model):
            losses = self.model(**data, mode='loss')
        return self.model.parse_losses(losses)[0]

    def _saved(self) -> int:
        data = self.model.data_preprocessor(self._next(), True)
        own = [*self.model.parameters(), *self.model.buffers(), data['inputs']]
        return saved_bytes(lambda: self.loss(data), own)

    def _train(self, batch: dict) -> None:
        self.model.train_step(batch, self.wrapper)
        if self.scalers:  # AGSHook's work in a training
            close_steps(self.scalers)

    def _next(self) -> dict:
        # A copy: some preprocessors resize the boxes in place.
        batch = copy.deepcopy(next(self.data))
        for seed in (random.seed, np.random.seed, torch.manual_seed):
            seed(self.steps)
        self.steps += 1
        return batch


def _detector(cfg, path: str) -> nn.Module:
    from mmdet.models.detectors.base import BaseDetector
    from mmengine.model import revert_sync_batchnorm

    model = build_model(cfg, path)
    if not isinstance(model, BaseDetector):
        raise ValueError(
            f'{path}: {type(model).__name__} is no detector. '
            'Write train_step.py configs/faster_rcnn/'
            'faster-rcnn_r18_fpn128_surge_12e_bccd.py'
        )
    model.init_weights()
    return revert_sync_batchnorm(model)  # one process, as a Runner does


def _optim_wrapper(cfg, model: nn.Module):
    from mmengine.optim import build_optim_wrapper

    return build_optim_wrapper(model, cfg.optim_wrapper)


def _own_batches(cfg, batch_size: int) -> Iterator:
    from mmengine.runner import Runner

    loader = cfg.train_dataloader
    loader.pop('worker_init_fn', None)
    loader.update(batch_size=batch_size, num_workers=0, persistent_workers=False)
    batches = Runner.build_dataloader(loader, seed=0)
    return itertools.chain.from_iterable(itertools.repeat(batches))


def image_shape(cfg, path: str) -> tuple:
    """(height, width) of the config's test pipeline."""
    try:
        return pipeline_shape(cfg, path)
    except ValueError as error:
        raise ValueError(
            f'{path} has no test pipeline with a scale (width, height). Write '
            f'train_step.py {path} --shape 240 320 (height width)'
        ) from error


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


def serve(setup: Setup, pipe) -> None:
    """Be a contestant's process: answer ``step``, ``memory``, ``details``.

    An empty request ends it.
    """
    import logging

    from mmengine.logging import MMLogger

    MMLogger.get_instance('benchmark', log_level=logging.WARNING)
    try:
        trainer = StepTrainer(setup)
    except (FileNotFoundError, TypeError, ValueError) as error:
        sys.exit(str(error))
    while request := pipe.recv():
        pipe.send(getattr(trainer, request)())
