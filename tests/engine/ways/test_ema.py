"""EMAHook beside SURGE: what is averaged, validated, saved and resumed."""

from functools import partial

import pytest
import torch
from engine.test_resume import difference
from engine.toy_training import Net, RandomData
from mmengine.evaluator import BaseMetric
from mmengine.hooks import EMAHook, Hook

from surge_mmdet.engine import AGSHook, EpochSeedHook

pytest_plugins = ['engine.toy_training']

MOMENTUM = 0.2
RUNNING = dict(mode='running')
MODES = pytest.mark.parametrize('surge', [dict(eta=0.3), RUNNING], ids=('batch', 'running'))


class Judged(Net):
    """Answers a validation with the loss and the weights it came from."""

    def forward(self, inputs, targets, mode='loss'):
        losses = super().forward(inputs, targets)
        return losses if mode == 'loss' else [losses['loss'].item()]


class MeanLoss(BaseMetric):
    default_prefix = 'judge'

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return dict(loss=sum(results) / len(results))


class Follow(Hook):
    """The running mean of every trained parameter, by its own formula."""

    def before_train(self, runner):
        self.means = {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        for name, value in runner.model.named_parameters():
            value = value.detach().double()
            mean = self.means.get(name, value)
            self.means[name] = (1 - MOMENTUM) * mean + MOMENTUM * value


def ema():
    return EMAHook(momentum=MOMENTUM)


def train(make_runner, surge, *hooks, epochs=3):
    loader = dict(
        batch_size=12,
        num_workers=0,
        dataset=RandomData(),
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
    )
    runner = make_runner(
        Judged(surge=surge),
        hooks,
        epochs=epochs,
        val_dataloader=loader,
        val_cfg=dict(),
        val_evaluator=[MeanLoss()],
    )
    runner.train()
    return runner


@MODES
def test_weights_are_the_running_mean_of_the_trained_ones(make_runner, surge):
    averaged, follow = ema(), Follow()
    runner = train(make_runner, surge, averaged, AGSHook(), follow)
    own = dict(averaged.ema_model.module.named_parameters())
    assert own.keys() == follow.means.keys()
    for name, mean in follow.means.items():
        torch.testing.assert_close(own[name].double(), mean, rtol=1e-5, atol=1e-7)
    trained = dict(runner.model.named_parameters())
    for part in ('weight', 'aux_weight'):
        name = f'backbone.layer2.{part}'
        assert not torch.allclose(own[name], trained[name], atol=1e-4)


@MODES
def test_validation_uses_them_and_gives_the_trained_ones_back(make_runner, surge):
    averaged = ema()
    runner = train(make_runner, surge, averaged, AGSHook())
    every = {
        k: torch.stack(v)
        for k, v in zip(
            ('inputs', 'targets'),
            zip(*(RandomData()[i].values() for i in range(12)), strict=True),
            strict=True,
        )
    }
    with torch.no_grad():
        of_mean, of_last = (
            model.eval()(**every, mode='predict')[0]
            for model in (averaged.ema_model.module, runner.model)
        )
    logged = runner.message_hub.get_scalar('val/judge/loss').current()
    assert logged == pytest.approx(of_mean, rel=1e-6)
    assert abs(of_mean - of_last) > 1e-4


@pytest.mark.parametrize('averaged', [False, True], ids=('synchronised', 'averaged'))
@MODES
def test_the_state_of_ags_survives(make_runner, surge, averaged):
    """EMAHook pairs buffers by their order, or averages them by name."""
    ends = []
    for hooks in ([], [EMAHook(momentum=MOMENTUM, update_buffers=averaged)]):
        runner = train(make_runner, surge, *hooks, AGSHook())
        ends.append({**runner.model.state_dict(), **dict(runner.model.named_buffers())})
    plain, beside = ends
    assert plain.keys() == beside.keys()
    assert [n for n in plain if not plain[n].equal(beside[n])] == []
    assert plain['backbone.layer2.ags.statistics'][0] > 0
    if surge == RUNNING:
        assert plain['backbone.layer2.ags.running'][2] == 12
        assert not plain['backbone.layer2.ags.pending'].any()
    copies = dict(hooks[0].ema_model.module.named_buffers())
    for name, copy in copies.items():
        assert copy.shape == plain[name].shape and copy.isfinite().all()
        if '.statistics' in name and not averaged:
            assert copy.equal(plain[name])


def unequal(one, other, path=''):
    """Paths at which two nested checkpoints differ."""
    if isinstance(one, torch.Tensor):
        return [] if one.equal(other) else [path]
    if isinstance(one, (dict, list, tuple)):
        keys = one if isinstance(one, dict) else range(len(one))
        assert len(one) == len(other), path
        return [p for key in keys for p in unequal(one[key], other[key], f'{path}/{key}')]
    return [] if one == other else [path]


@MODES
def test_resumed_training_equals_an_uninterrupted_one_bitwise(make_runner, tmp_path, surge):
    assert (
        difference(
            make_runner,
            partial(Net, surge=surge),
            tmp_path,
            lambda: [EpochSeedHook(), AGSHook(interval=3), ema()],
        )
        == []
    )
    whole, parts = (
        torch.load(tmp_path / part / 'epoch_4.pth', weights_only=False)
        for part in ('whole', 'parts')
    )
    for key in ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers'):
        assert unequal(whole[key], parts[key], key) == []
    key = 'backbone.layer2.aux_weight'
    assert not whole['state_dict'][key].equal(whole['ema_state_dict'][f'module.{key}'])
    assert whole['ema_state_dict']['steps'] == 16
