import random
from types import SimpleNamespace

import numpy as np
import torch
from mmengine.hooks import Hook

from surge_mmdet.engine import EpochSeedHook

pytest_plugins = ['toy_training']


def draws(seed, epoch):
    """First numbers of the three generators after the hook."""
    runner = SimpleNamespace(seed=seed, epoch=epoch)
    EpochSeedHook().before_train_epoch(runner)
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_draws_depend_on_seed_and_epoch_only():
    first = draws(0, 3)
    random.random(), np.random.rand(), torch.rand(5)
    assert draws(0, 3) == first


def test_every_generator_changes_with_epoch_and_with_seed():
    for other in (draws(0, 1), draws(1, 0)):
        pairs = zip(draws(0, 0), other, strict=True)
        assert all(a != b for a, b in pairs)


def test_ranks_draw_differently(monkeypatch):
    first = draws(0, 0)
    monkeypatch.setattr('surge_mmdet.engine.hooks.epoch_seed_hook.get_rank', lambda: 1)
    assert draws(0, 0) != first


def test_run_without_a_seed_works():
    assert draws(None, 2) == draws(0, 2)


def test_seeded_before_any_other_hook_draws(make_runner, net):
    seen = []

    class Draw(Hook):
        def before_train_epoch(self, runner):
            seen.append(torch.rand(()).item())

    for _ in range(2):
        make_runner(net(), [Draw(), EpochSeedHook()], epochs=2).train()
    assert seen[:2] == seen[2:] and seen[0] != seen[1]
