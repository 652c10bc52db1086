"""Binarizers that change over a training are told how far it is."""

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from surge_mmdet.binarizers.base import ActivationBinarizer
from surge_mmdet.engine import (
    AGSHook,
    ConfigCheckHook,
    EpochSeedHook,
    NonFiniteStepHook,
    ProgressHook,
)

pytest_plugins = ['toy_training']


class Annealed(nn.Module):
    """What the hook may know of a scheduled binarizer."""

    scheduled = True

    def __init__(self):
        super().__init__()
        self.told = []

    def set_progress(self, progress):
        self.told.append(progress)


class Steady(Annealed):
    """Has the method, and does not want to be called."""

    scheduled = False


@pytest.fixture
def model(net):
    model = net()
    model.annealed, model.steady = Annealed(), Steady()
    model.backbone.layer2.also = Annealed()
    return model


def test_progress_is_the_share_of_the_iterations(make_runner, model):
    make_runner(model, [ProgressHook()], epochs=2).train()
    want = [i / 8 for i in range(8)]
    assert model.annealed.told == model.backbone.layer2.also.told == want
    assert model.steady.told == []


def test_it_is_set_before_the_forward(make_runner, model):
    seen = []
    model.backbone.register_forward_pre_hook(lambda *_: seen.append(len(model.annealed.told)))
    make_runner(model, [ProgressHook()]).train()
    assert seen == [1, 2, 3, 4]


def test_a_resumed_training_goes_on_where_it_stopped(make_runner, net, tmp_path):
    save = dict(type='CheckpointHook', interval=1)
    told = []
    for epochs, options in ((1, {}), (4, dict(resume=True))):
        model = net()
        model.annealed = Annealed()
        make_runner(model, [ProgressHook()], epochs, checkpoint=save, **options).train()
        told.append(model.annealed.told)
    assert told[0] == [0, 0.25, 0.5, 0.75]
    assert told[1] == [i / 16 for i in range(4, 16)]


def test_progress_never_leaves_its_range(make_runner, model):
    """A resume on smaller data starts beyond the new end."""
    hook, runner = ProgressHook(), make_runner(model, [])
    runner.train()
    hook.before_train(runner)
    runner.train_loop._iter = 9
    hook.before_train_iter(runner, 0)
    assert model.annealed.told == [1.0]


def test_nothing_is_published_and_nothing_changes(make_runner, net):
    runs = []
    for hooks in ([], [ProgressHook()]):
        runner = make_runner(net(noise=0.5), [EpochSeedHook(), *hooks])
        runner.train()
        runs.append(runner)
    names = [set(runner.message_hub.log_scalars) for runner in runs]
    assert names[0] == names[1]
    first, second = (runner.model.state_dict() for runner in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


class SignAnnealed(ActivationBinarizer):
    """A real one: its straight-through window narrows over the training."""

    scheduled = True

    def surrogate_grad(self, grad_output, u):
        return grad_output * (u.abs() <= 2 - self.progress)


@pytest.mark.parametrize('hook', [AGSHook, NonFiniteStepHook], ids=lambda each: each.__name__)
def test_an_annealed_binarizer_follows_the_training(make_runner, net, hook):
    surge = dict(eta=0.3) if hook is AGSHook else None
    model = net(surge=surge)
    annealed = model.backbone.layer2.activation = SignAnnealed()
    make_runner(model, [hook(), ProgressHook()], epochs=2).train()
    assert annealed.progress == 7 / 8
    assert model.state_dict()['backbone.layer2.activation.progress'] == 7 / 8


class Refusing(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        raise AssertionError('training has started')


@pytest.mark.parametrize('hook', [ConfigCheckHook, AGSHook], ids=lambda each: each.__name__)
def test_without_the_hook_a_scheduled_binarizer_is_refused(make_runner, model, hook):
    with pytest.raises(ValueError) as error:
        make_runner(model, [hook(), Refusing()]).train()
    text = str(error.value)
    assert '2 modules change over the training (annealed, backbone.layer2.also' in text.replace(
        'backbone.layer2.also, annealed', 'annealed, backbone.layer2.also'
    )
    assert "default_hooks=dict(progress=dict(type='surge_mmdet.ProgressHook'))" in text
    assert 'steady' not in text


@pytest.mark.parametrize('hook', [ConfigCheckHook, AGSHook], ids=lambda each: each.__name__)
def test_with_it_they_train(make_runner, model, hook):
    make_runner(model, [hook(), ProgressHook()]).train()
    assert len(model.annealed.told) == 4


def test_a_steady_model_needs_nobody(make_runner, net):
    make_runner(net(), [ConfigCheckHook(), NonFiniteStepHook()]).train()


@pytest.mark.parametrize(
    'runtime', ['_base_/default_runtime.py', 'pretrain/_base_/runtime.py', 'binarized']
)
def test_every_runtime_has_the_hooks(runtime):
    from conftest import ROOT
    from mmengine.config import Config

    path = ROOT / 'configs' / runtime
    if path.is_dir():
        path = path / '_base_/surge_coco.py'
    cfg = Config.fromfile(path)
    hooks = cfg.get('default_hooks') or cfg.surge_hooks
    assert hooks.progress.type == 'surge_mmdet.ProgressHook'
    assert hooks.binarizers.type == 'surge_mmdet.BinarizerHook'
    assert hooks.schedule.type == 'surge_mmdet.ScheduleHook'
