import random
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from torch.utils.data import Dataset

from surge_mmdet.engine import EpochSeedHook, keep_worker_seed


class Draws(Dataset):
    """Each sample is what the worker's three generators give."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return random.random(), np.random.rand(), torch.rand(()).item()


def epochs(numbers, **options):
    """All draws of the given epochs, one data loader as in a Runner."""
    loader = Runner.build_dataloader(
        dict(
            batch_size=1,
            num_workers=2,
            multiprocessing_context='forkserver',  # the worker of pytest has threads
            persistent_workers=False,
            dataset=Draws(),
            sampler=dict(type='DefaultSampler'),
            **options,
        ),
        seed=0,
    )
    found = []
    for epoch in numbers:
        EpochSeedHook().before_train_epoch(SimpleNamespace(seed=0, epoch=epoch))
        found.append([float(v) for batch in loader for part in batch for v in part])
    return found


@pytest.fixture
def ours():
    return dict(worker_init_fn=dict(type='surge_mmdet.keep_worker_seed'))


def test_each_epoch_and_worker_draws_anew_and_a_resume_repeats(ours):
    first, second = epochs([0, 1], **ours)
    assert not set(first) & set(second)
    assert len(set(first)) == 12  # three generators, four samples, no twins
    ours['worker_init_fn'] = dict(type='surge_mmdet.keep_worker_seed')
    assert epochs([1], **ours) == [second]


def test_mmengines_own_seeds_repeat_every_epoch():
    first, second = epochs([0, 1])
    assert first == second


def test_warnings_stay_on_in_the_first_worker_only():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        keep_worker_seed(0, disable_subprocess_warning=True)
        warnings.warn('seen', UserWarning)
        keep_worker_seed(1, disable_subprocess_warning=True)
        warnings.warn('unseen', UserWarning)
    assert [str(w.message) for w in caught] == ['seen']
