"""Losses, steps and epochs of binarizers: called once, at the right moment, on the right values."""

import pytest
import torch
from engine.test_resume import difference
from engine.toy_training import Net, amp_on_cpu
from mmengine.hooks import Hook
from torch import nn
from torch.utils.checkpoint import checkpoint

from surge_mmdet.binarizers import ChannelMean, SignSTE
from surge_mmdet.engine import (
    AGSHook,
    BinarizerHook,
    ConfigCheckHook,
    EpochSeedHook,
    NonFiniteStepHook,
    ProgressHook,
)
from surge_mmdet.layers import BinaryConv2d

pytest_plugins = ['toy_training']
SGD = dict(type='SGD', lr=0.1)
OURS = 'surge_mmdet.SurgeOptimWrapperConstructor'


class Squares(ChannelMean):
    """A loss of the weight."""

    def extra_loss(self, v):
        return 0.5 * v.square().sum()


class Means(SignSTE):
    """A loss of the input."""

    def extra_loss(self, v):
        return v.mean().square()


class Watching(ChannelMean):
    """Remembers the gradients that it is shown, and moves them."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def before_step(self, weight):
        self.seen.append(weight.grad.clone())
        weight.grad.add_(1)


class Counting(ChannelMean):
    """Renews its buffer each epoch."""

    def __init__(self):
        super().__init__()
        self.register_buffer('count', torch.zeros(()))
        self.at = []

    def before_epoch(self, weight):
        self.count += 1
        self.at.append(weight.detach().clone())


def plain(**binarizers):
    """The toy network, ``layer2`` with these binarizers."""
    net = Net(surge=None)
    for name, binarizer in binarizers.items():
        setattr(net.backbone.layer2, name, binarizer)
    return net


class Gradients(Hook):
    """What each step is given, after everything else."""

    priority = 'LOWEST'

    def before_train(self, runner):
        self.steps, names = [], dict(runner.model.named_parameters())
        runner.optim_wrapper.optimizer.register_step_pre_hook(
            lambda *args: self.steps.append({n: p.grad.clone() for n, p in names.items()})
        )


def steps(make_runner, model, hooks=(), **options):
    gradients = Gradients()
    options.setdefault('optim_wrapper', dict(optimizer=SGD))
    runner = make_runner(model, [*hooks, gradients], **options)
    runner.train()
    return gradients.steps, runner


KEY = 'backbone.layer2.weight'


@pytest.mark.parametrize('accumulated', [1, 2])
def test_a_loss_of_weights_has_its_gradient_once_in_each_step(make_runner, accumulated):
    wrapper = dict(optimizer=SGD, accumulative_counts=accumulated)
    without, _ = steps(make_runner, plain(), optim_wrapper=wrapper)
    model = plain(weight_rule=Squares())
    weight = model.backbone.layer2.weight.detach().clone()
    within, runner = steps(make_runner, model, [BinarizerHook()], optim_wrapper=wrapper)
    torch.testing.assert_close(within[0][KEY], without[0][KEY] + weight)
    logged = runner.message_hub.get_scalar('train/loss_squares').data[0]
    assert logged[0] == pytest.approx(0.5 * weight.square().sum().item(), rel=1e-5)


def test_a_loss_of_inputs_reaches_the_layers_in_front(make_runner):
    without, _ = steps(make_runner, plain())
    model = plain(activation=Means())
    within, runner = steps(make_runner, model, [BinarizerHook()])
    assert within[0][KEY].equal(without[0][KEY])
    bias = 'backbone.layer1.2.bias'
    assert not within[0][bias].equal(without[0][bias])
    assert 'train/loss_means' in runner.message_hub.log_scalars


def test_a_layer_that_runs_twice_has_the_mean_of_its_losses(make_runner):
    class Twice(Net):
        def forward(self, inputs, targets, mode='loss'):
            found = super().forward(inputs, targets, mode)
            self.backbone(inputs + 1)
            return found

    model = Twice(surge=None)
    layer = model.backbone.layer2
    layer.activation = Means()
    inputs = []
    layer.register_forward_pre_hook(lambda _, args: inputs.append(args[0].mean().item() ** 2))
    _, runner = steps(make_runner, model, [BinarizerHook()])
    logged = runner.message_hub.get_scalar('train/loss_means').data[0]
    for i, value in enumerate(logged):
        assert value == pytest.approx(sum(inputs[2 * i : 2 * i + 2]) / 2, rel=1e-4)


def test_only_training_has_the_losses(make_runner):
    model = plain(weight_rule=Squares(), activation=Means())
    runner = make_runner(model, [BinarizerHook()])
    hook = next(h for h in runner.hooks if isinstance(h, BinarizerHook))
    runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    hook.before_train(runner)
    batch = dict(inputs=torch.randn(2, 2, 6, 6), targets=torch.zeros(2))
    assert set(model(**batch, mode='loss')) == {'loss', 'loss_squares', 'loss_means'}
    assert set(model(**batch, mode='predict')) == {'loss'}
    assert set(model.eval()(**batch, mode='loss')) == {'loss'}
    hook.after_train(runner)
    assert set(model.train()(**batch, mode='loss')) == {'loss'}


def test_a_loss_inside_of_activation_checkpointing_is_refused(make_runner):
    class Checkpointed(Net):
        def forward(self, inputs, targets, mode='loss'):
            inputs = inputs.requires_grad_()
            out = checkpoint(self.backbone, inputs, use_reentrant=True).mean((1, 2, 3))
            return dict(loss=(out - targets).square().mean())

    model = Checkpointed(surge=None)
    model.backbone.layer2.activation = Means()
    with pytest.raises(ValueError, match='backbone.layer2.activation.*Write with_cp=False'):
        make_runner(model, [BinarizerHook()]).train()


@pytest.fixture
def cpu_amp(monkeypatch):
    amp_on_cpu(monkeypatch, init_scale=1024.0)


FUSED = dict(type='SGD', lr=0.1, fused=True)
LIMIT = dict(max_norm=0.05)
WRAPPERS = {
    'clip': dict(constructor=OURS, optimizer=SGD, clip_grad=LIMIT),
    'amp': dict(type='AmpOptimWrapper', dtype='bfloat16', optimizer=SGD),
    'amp-clip': dict(
        type='AmpOptimWrapper', dtype='bfloat16', constructor=OURS, optimizer=SGD, clip_grad=LIMIT
    ),
    # A GradScaler leaves its factor to a fused optimiser.
    'amp-fused': dict(type='AmpOptimWrapper', dtype='bfloat16', optimizer=FUSED),
    'amp-fused-clip': dict(
        type='AmpOptimWrapper', dtype='bfloat16', constructor=OURS, optimizer=FUSED, clip_grad=LIMIT
    ),
}


def watched(make_runner, wrapper):
    model = plain(weight_rule=Watching())
    runner = make_runner(model, [BinarizerHook()], optim_wrapper=wrapper)
    runner.train()
    return model.backbone.layer2.weight_rule.seen, dict(model.named_parameters()), runner


@pytest.mark.parametrize('name', WRAPPERS)
def test_gradients_have_no_factor_and_are_not_clipped_yet(make_runner, cpu_amp, name):
    seen, weights, runner = watched(make_runner, WRAPPERS[name])
    unscaled = dict(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=1.0, optimizer=SGD)
    plain_wrapper = unscaled if 'amp' in name else dict(optimizer=SGD)
    want, plain_weights, _ = watched(make_runner, plain_wrapper)
    assert len(seen) == len(want) == 4
    torch.testing.assert_close(seen[0], want[0], rtol=1e-4, atol=1e-6)
    if 'clip' in name:  # what the binarizer has added counts
        assert runner.message_hub.get_scalar('train/grad_norm').data[0][0] > 0.9 * 144**0.5
        moved = (weights[KEY] - plain().backbone.layer2.weight).norm()
        assert moved <= 4 * 0.1 * 0.05 * 1.001
    else:
        for key, value in plain_weights.items():
            torch.testing.assert_close(weights[key], value, rtol=1e-3, atol=1e-5)


def test_accumulated_gradients_are_shown_whole(make_runner):
    wrapper = dict(optimizer=SGD, accumulative_counts=2)
    seen, _, _ = watched(make_runner, wrapper)
    gradients, _ = steps(make_runner, plain(), optim_wrapper=wrapper)
    assert len(seen) == 2
    torch.testing.assert_close(seen[0], gradients[0][KEY])


@pytest.mark.parametrize('first', [BinarizerHook, NonFiniteStepHook])
def test_a_step_that_is_skipped_calls_nothing(make_runner, first):
    model = plain(weight_rule=Watching())
    spoil = iter([1, float('nan'), 1, 1])
    model.backbone.stem.bias.register_hook(lambda g: g * next(spoil))
    hooks = sorted([BinarizerHook(), NonFiniteStepHook()], key=lambda h: type(h) is not first)
    make_runner(model, hooks, optim_wrapper=dict(optimizer=SGD)).train()
    assert len(model.backbone.layer2.weight_rule.seen) == 3


def test_a_wrapper_that_clips_by_itself_is_refused(make_runner):
    wrapper = dict(optimizer=SGD, clip_grad=LIMIT)
    with pytest.raises(ValueError, match=f"OptimWrapper clips .*constructor='{OURS}'"):
        watched(make_runner, wrapper)


def test_epochs_begin_with_a_call_also_after_a_resume(make_runner, tmp_path):
    save = dict(type='CheckpointHook', interval=1)
    counts, weights = [], []
    for folder, epochs, options in (('whole', 3, {}), ('parts', 1, {}), ('parts', 3, 'resume')):
        model = plain(weight_rule=Counting())
        hooks = [EpochSeedHook(), BinarizerHook()]
        more = dict(resume=True) if options else {}
        make_runner(
            model, hooks, epochs, checkpoint=save, work_dir=str(tmp_path / folder), **more
        ).train()
        counts.append(model.backbone.layer2.weight_rule.count.item())
        weights.append(model.backbone.layer2.weight_rule.at)
    assert counts == [3, 1, 3]
    for one, other in zip(weights[0], weights[1] + weights[2], strict=True):
        assert one.equal(other)


def test_a_loop_without_epochs_has_those_of_its_data(make_runner):
    model = plain(weight_rule=Counting())
    cfg = dict(by_epoch=False, max_iters=9)
    make_runner(model, [BinarizerHook()], train_cfg=cfg).train()
    assert model.backbone.layer2.weight_rule.count == 3  # at 0, 4 and 8


def test_after_a_training_nothing_is_left(make_runner):
    model = plain(weight_rule=Watching(), activation=Means())
    runner = make_runner(
        model,
        [BinarizerHook()],
        optim_wrapper=dict(constructor=OURS, optimizer=SGD, clip_grad=LIMIT),
    )
    runner.train()
    assert not model._forward_hooks and not runner.optim_wrapper.before_clipping
    assert not model.backbone.layer2._forward_pre_hooks


def test_a_frozen_weight_has_neither_loss_nor_step(make_runner):
    model = plain(weight_rule=Squares())
    model.backbone.layer2.weight.requires_grad = False
    runner = make_runner(model, [BinarizerHook()], optim_wrapper=dict(optimizer=SGD))
    runner.train()
    assert 'train/loss_squares' not in runner.message_hub.log_scalars


@pytest.mark.parametrize('check', [ConfigCheckHook, AGSHook], ids=lambda each: each.__name__)
def test_without_the_hook_such_a_binarizer_is_refused(make_runner, check):
    model = Net()
    model.backbone.layer2.weight_rule = Squares()
    with pytest.raises(ValueError) as error:
        make_runner(model, [check()]).train()
    assert '1 binarizers have extra_loss (backbone.layer2.weight_rule)' in str(error.value)
    assert "default_hooks=dict(binarizers=dict(type='surge_mmdet.BinarizerHook'))" in str(
        error.value
    )
    make_runner(model, [check(), BinarizerHook()]).train()


def test_in_other_models_it_does_nothing(make_runner):
    runs = []
    for hooks in ([], [BinarizerHook()]):
        model = Net(noise=0.5)
        make_runner(model, [EpochSeedHook(), *hooks]).train()
        assert not model._forward_hooks
        runs.append(model.state_dict())
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


STATEFUL = dict(
    OvSW='SignPolynomial', RBNN='SignRBNN', RBONN='SignSTE', BONN='SignDistributionLoss'
)


class Stateful(Net):
    """A layer of each rule that keeps something, or has a loss."""

    def __init__(self, noise):
        super().__init__(noise=noise)
        layers = {
            rule: BinaryConv2d(
                4, 4, 3, padding=1, weight_rule=dict(type=rule), activation=dict(type=activation)
            )
            for rule, activation in STATEFUL.items()
        }
        self.backbone.layer1 = nn.Sequential(*self.backbone.layer1, *layers.values())


def test_a_resumed_training_equals_an_uninterrupted_one_bitwise(make_runner, tmp_path):
    hooks = [EpochSeedHook, ProgressHook, BinarizerHook, AGSHook]
    changed = difference(make_runner, Stateful, tmp_path, lambda: [hook() for hook in hooks])
    assert changed == []
    last = torch.load(tmp_path / 'parts/epoch_4.pth', weights_only=False)['state_dict']
    moved = {name: value for name, value in last.items() if '.weight_rule.' in name}
    assert moved['backbone.layer1.3.weight_rule.tracker'].any()
    start = Stateful(0.0).backbone.layer1[4].weight_rule
    assert not moved['backbone.layer1.4.weight_rule.left'].equal(start.left)
    # The factor has only a gradient where a step has backtracked.
    assert moved['backbone.layer1.5.weight_rule.backtrack'].unique().numel() > 1
