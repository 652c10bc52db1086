"""Random numbers that depend on (seed, epoch, rank) only."""

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from ...registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seeds all generators at the start of each epoch.

    A resumed training then draws the same proposals and augmentations as an
    uninterrupted one. Needs an epoch-based loop; data workers follow with
    ``worker_init_fn=dict(type='surge_mmdet.keep_worker_seed')`` and
    ``persistent_workers=False``.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner) -> None:
        """Seed Python, NumPy and PyTorch for this epoch and rank."""
        sequence = np.random.SeedSequence([runner.seed or 0, runner.epoch, get_rank()])
        seed = int(sequence.generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
