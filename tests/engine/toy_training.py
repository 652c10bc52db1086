"""Fixtures: a toy network, random data, and a real MMEngine Runner.

A test file takes them with ``pytest_plugins = ['toy_training']``; some also
import it by name (PYTEST_DONT_REWRITE: pytest need not mind the order).
"""

from collections import OrderedDict
from functools import partial
from itertools import count

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from surge_mmdet.layers import BinaryConv2d

NUMBERS = count()


class RandomData(Dataset):
    """The first of twelve fixed pairs of a (2, 6, 6) input and a target."""

    metainfo = dict(classes=('cat', 'dog'))

    def __init__(self, length=12):
        generator = torch.Generator().manual_seed(7)
        self.inputs = torch.randn(12, 2, 6, 6, generator=generator)[:length]
        self.targets = torch.randn(12, generator=generator)

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        return dict(inputs=self.inputs[index], targets=self.targets[index])


def binary(surge):
    return BinaryConv2d(4, 4, 3, padding=1, surge=surge)


class Net(BaseModel):
    """Real stem, three binary layers in two stages, noise in the forward."""

    def __init__(self, surge=dict(eta=0.3), noise=0.0, binary_stem=False):
        super().__init__()
        torch.manual_seed(3)
        self.noise = noise
        stem = BinaryConv2d if binary_stem else nn.Conv2d
        self.backbone = nn.Sequential(
            OrderedDict(
                stem=stem(2, 4, 3, padding=1),
                layer1=nn.Sequential(binary(surge), nn.BatchNorm2d(4), binary(surge)),
                layer2=binary(surge),
            )
        )

    def forward(self, inputs, targets, mode='loss'):
        if self.noise:
            inputs = inputs + self.noise * torch.randn_like(inputs)
        out = self.backbone(inputs).mean((1, 2, 3))
        return dict(loss=(out - targets).square().mean())


@pytest.fixture
def net():
    """The factory of the toy network."""
    return Net


@pytest.fixture
def random_data():
    return RandomData()


def build_runner(model, hooks=(), epochs=1, checkpoint=None, data=None, **kwargs):
    """A Runner of MMEngine; it needs ``work_dir`` and ``experiment_name``."""
    options = dict(
        train_dataloader=dict(
            batch_size=3,
            num_workers=0,
            dataset=data or RandomData(),
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='default_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-2)),
        default_hooks=dict(checkpoint=checkpoint),
        custom_hooks=list(hooks),
        randomness=dict(seed=0),
    )
    return Runner(model, **{**options, **kwargs})


def amp_on_cpu(patch, **options):
    """Let ``AmpOptimWrapper`` run without CUDA, which only its check asks for.

    Args:
        patch (MonkeyPatch): Undoes it.
        **options: Of the gradient scaler.
    """
    module = 'mmengine.optim.optimizer.amp_optimizer_wrapper.'
    patch.setattr(module + 'is_cuda_available', lambda: True)
    scaler = partial(torch.amp.GradScaler, device='cpu', **options)
    patch.setattr(module + 'GradScaler', scaler)


@pytest.fixture
def make_runner(tmp_path, monkeypatch):
    """Build a Runner; each call has its own experiment name."""
    # A Runner's scope would stay the default of all later tests.
    scopes = DefaultScope._instance_dict
    monkeypatch.setattr(DefaultScope, '_instance_dict', scopes.copy())
    monkeypatch.setattr('mmengine.runner.runner.collect_env', lambda: {})

    def build(model, *args, **kwargs):
        own = dict(
            work_dir=str(tmp_path / 'work'), experiment_name=f'{tmp_path.name}-{next(NUMBERS)}'
        )
        return build_runner(model, *args, **{**own, **kwargs})

    return build
