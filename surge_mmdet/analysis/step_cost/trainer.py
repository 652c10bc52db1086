"""A detector of a config, ready to take training steps in a benchmark."""

import copy
import itertools
import time
from dataclasses import dataclass, field
from typing import Optional

import torch
from torch import nn

from ...allocator import keep_freed_memory
from ...methods import Method
from ...surge.extensions import close_steps, running_scalers
from ..loading import build_detector, load_config, pipeline_shape, seed_all, training_batches
from .memory import (
    allocator_peak,
    forget_peak,
    release_freed,
    resident,
    saved_bytes,
    state_bytes,
    synchronise,
)
from .methods import CONFIG, OTHERS, train_by
from .synthetic import synthetic_batches


@dataclass(frozen=True)
class Setup:
    """What one process of the benchmark trains.

    Args:
        config (str): A config file, or ``mmdet::folder/name.py``.
        method (Method): How its binary layers train.
        options (dict): As ``--cfg-options``.
        data (str): ``synthetic`` or ``config``.
        batch (int | None): Images per step; None for the config's.
        shape (tuple | None): (height, width) of synthetic images; None for
            the scale of the config's test pipeline.
        device (str): ``cpu`` or ``cuda``.
        threads (int | None): None leaves the number to PyTorch.
    """

    config: str
    method: Method = OTHERS['config']
    options: dict = field(default_factory=dict)
    data: str = 'synthetic'
    batch: Optional[int] = None
    shape: Optional[tuple] = None
    device: str = 'cpu'
    threads: Optional[int] = None


class StepTrainer:
    """Model, optimizer and data, as the config's own training has them.

    Random choices (samplers of proposals, sizes, ...) are drawn alike by all
    methods: each step has its own seed. The weights are random.

    Args:
        setup (Setup): What to train.

    Raises:
        FileNotFoundError, TypeError, ValueError: If it cannot be built; the
            text shows the corrected line.
    """

    def __init__(self, setup: Setup) -> None:
        keep_freed_memory()  # as tools/train.py
        if setup.threads:
            torch.set_num_threads(setup.threads)
        cfg = load_config(setup.config, setup.options)
        self.batch_size = setup.batch or cfg.train_dataloader.batch_size
        self.device = torch.device(setup.device)
        self.model = _detector(setup, cfg).to(self.device).train()
        self.wrapper = _optim_wrapper(cfg, self.model)
        self.scalers = running_scalers(self.model)
        self.shape = None
        if setup.data == 'synthetic':
            line = f'train_step.py {setup.config} --shape 240 320 (height width)'
            self.shape = setup.shape or pipeline_shape(cfg, setup.config, line)
            self.data = synthetic_batches(self.model, self.batch_size, *self.shape)
        else:
            batches = training_batches(cfg, self.batch_size)
            self.data = itertools.chain.from_iterable(itertools.repeat(batches))
        self.steps = 0
        release_freed()  # layers that were swapped out
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
        seed_all(self.steps)  # augmentations
        # A copy: some preprocessors resize the boxes in place.
        batch = copy.deepcopy(next(self.data))
        seed_all(self.steps)  # samplers, whatever the data have drawn
        self.steps += 1
        return batch


def _detector(setup: Setup, cfg) -> nn.Module:
    from mmengine.model import revert_sync_batchnorm

    torch.manual_seed(0)
    model = build_detector(cfg, setup.config, f'train_step.py {CONFIG}')
    model.init_weights()
    model = revert_sync_batchnorm(model)  # one process, as a Runner does
    return train_by(model, setup.method)


def _optim_wrapper(cfg, model: nn.Module):
    from mmengine.optim import build_optim_wrapper

    return build_optim_wrapper(model, cfg.optim_wrapper)
