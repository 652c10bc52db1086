"""Accumulated micro-batches against one batch of their size, batch norm held.

In float64: what is left of a difference is the method's, not rounding's.
"""

import pytest
from engine.toy_training import Net, RandomData
from mmengine.hooks import Hook
from torch import nn
from torch.utils.data import Subset

from surge_mmdet.engine import AGSHook, SurgeOptimWrapper

pytest_plugins = ['engine.toy_training']

RUNNING = dict(eta=0.4, mode='running', momentum=0.5)
BATCH = dict(eta=0.4)
HELD = dict(eta=1e6, max_scale=0.4)  # lambda is its bound in each call
STEPS = 4
TOLERANCE = 1e-5


class Doubles(RandomData):
    def __init__(self):
        super().__init__()
        self.inputs, self.targets = self.inputs.double(), self.targets.double()


class HeldNorms(Net):
    """As a detector with ``norm_eval=True``."""

    def train(self, mode=True):
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


class Gradients(Hook):
    """What the optimiser is given in each of its steps."""

    def before_train(self, runner):
        self.steps, names = [], dict(runner.model.named_parameters())
        runner.optim_wrapper.optimizer.register_step_pre_hook(
            lambda *args: self.steps.append({n: p.grad.clone() for n, p in names.items()})
        )


def train(make_runner, surge, batch_size, max_norm=0.05):
    """Four steps of 8 images each: gradients by step, and the Runner."""
    gradients = Gradients()
    wrapper = dict(
        constructor='surge_mmdet.SurgeOptimWrapperConstructor',
        optimizer=dict(type='SGD', lr=0.3, momentum=0.9),
        clip_grad=dict(max_norm=max_norm),
        aux=dict(lr_mult=2.0),
        accumulative_counts=8 // batch_size,
    )
    loader = dict(
        batch_size=batch_size,
        num_workers=0,
        dataset=Subset(Doubles(), range(8)),
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
    )
    runner = make_runner(
        HeldNorms(surge=surge).double(),
        [AGSHook(interval=1), gradients],
        epochs=STEPS,
        optim_wrapper=wrapper,
        train_dataloader=loader,
    )
    runner.train()
    assert type(runner.optim_wrapper) is SurgeOptimWrapper
    assert len(gradients.steps) == STEPS and runner.iter == 32 // batch_size
    return gradients.steps, runner


def distances(one, other):
    """Relative distance of tensors of the same name."""
    assert one.keys() == other.keys()
    return {n: ((one[n] - other[n]).norm() / one[n].norm().clamp(min=1e-9)).item() for n in one}


@pytest.mark.parametrize('max_norm', [0.05, 1e6], ids=('clipped', 'free'))
@pytest.mark.parametrize('surge', [RUNNING, HELD], ids=('running', 'held'))
def test_two_times_four_is_eight_where_lambda_is_held(make_runner, surge, max_norm):
    (whole, alone), (parts, accumulated) = (
        train(make_runner, surge, size, max_norm) for size in (8, 4)
    )
    # The running sums are float32: hence not 1e-12.
    for one, two in zip(whole, parts, strict=True):
        assert max(distances(one, two).values()) < TOLERANCE
    assert (
        max(
            distances(
                *(dict(runner.model.named_parameters()) for runner in (alone, accumulated))
            ).values()
        )
        < TOLERANCE
    )
    for runner in (alone, accumulated):
        scale = runner.model.backbone.layer1[0].ags.statistics[0]
        assert scale > 0.05
        norms = runner.message_hub.log_scalars['train/grad_norm'].data[0]
        assert (max(norms) < max_norm) == (max_norm > 1)


def test_in_batch_mode_they_differ_by_lambda_alone(make_runner):
    (whole, _), (parts, _) = (train(make_runner, BATCH, size, 1e6) for size in (8, 4))
    found = distances(whole[0], parts[0])
    # Behind the last lambda every gradient is plain; in front none is.
    assert found['backbone.layer2.weight'] < TOLERANCE
    assert found['backbone.layer2.bias'] < TOLERANCE
    for name in ('layer2.aux_weight', 'layer1.2.weight', 'stem.weight'):
        assert found[f'backbone.{name}'] > 10 * TOLERANCE
