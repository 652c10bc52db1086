from types import SimpleNamespace

import pytest
import torch
from engine.toy_training import amp_on_cpu
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper, OptimWrapperDict

from surge_mmdet.engine import NonFiniteStepHook

pytest_plugins = ['toy_training']

COUNT = 'surge/skipped_steps'
SGD = dict(type='SGD', lr=0.1)
WRAPPERS = {
    'plain': dict(optimizer=dict(type='AdamW', lr=1e-2)),
    'clip': dict(optimizer=SGD, clip_grad=dict(max_norm=1)),
    'momentum': dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
    'amp': dict(type='AmpOptimWrapper', dtype='bfloat16', optimizer=SGD),
    'amp_clip': dict(
        type='AmpOptimWrapper', dtype='bfloat16', optimizer=SGD, clip_grad=dict(max_norm=1)
    ),
    # A GradScaler leaves the skipping to a fused optimiser.
    'amp_fused': dict(
        type='AmpOptimWrapper', dtype='bfloat16', optimizer=dict(type='AdamW', lr=1e-2, fused=True)
    ),
    'amp_fused_clip': dict(
        type='AmpOptimWrapper',
        dtype='bfloat16',
        clip_grad=dict(max_norm=1),
        optimizer=dict(type='AdamW', lr=1e-2, fused=True),
    ),
}


class Poison(Hook):
    """One NaN in one gradient in some iterations; keeps all parameters."""

    def __init__(self, model, bad, value=float('nan')):
        self.model, self.bad, self.value = model, set(bad), value
        self.now, self.history = None, [self.parameters()]
        model.backbone.stem.bias.register_hook(self.spoil)

    def parameters(self):
        return [p.detach().clone() for p in self.model.parameters()]

    def spoil(self, grad):
        bad = self.now in self.bad
        return grad.index_fill(0, torch.tensor(1), self.value) if bad else None

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.now = runner.iter

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.history.append(self.parameters())

    def still(self):
        """The iterations that changed no parameter."""
        pairs = zip(self.history, self.history[1:], strict=False)
        return {i for i, (old, new) in enumerate(pairs) if all(map(torch.equal, old, new))}


@pytest.fixture
def cpu_amp(monkeypatch):
    amp_on_cpu(monkeypatch)


@pytest.mark.parametrize('wrapper', WRAPPERS)
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_bad_step_changes_nothing_and_is_counted(make_runner, net, cpu_amp, wrapper, value):
    model = net()
    poison = Poison(model, {1, 2}, value)
    runner = make_runner(
        model, [NonFiniteStepHook(), poison], epochs=2, optim_wrapper=WRAPPERS[wrapper]
    )
    runner.train()
    assert poison.still() == {1, 2}  # the other steps of 0 .. 7 go on
    assert all(p.isfinite().all() for p in model.parameters())
    assert runner.message_hub.get_info(COUNT) == 2
    published = runner.message_hub.get_scalar('train/surge.skipped_steps')
    assert published.data[0].tolist() == [0, 1, 2, 2, 2, 2, 2, 2]


def test_without_the_hook_one_nan_ruins_the_parameter(make_runner, net):
    model = net()
    make_runner(model, [Poison(model, {1})]).train()
    assert model.backbone.stem.bias.isnan().any()


def test_optimiser_state_stays_finite_and_skips_the_step(make_runner, net):
    model = net()
    runner = make_runner(model, [NonFiniteStepHook(), Poison(model, {1})])
    runner.train()
    state = runner.optim_wrapper.optimizer.state[model.backbone.stem.bias]
    assert state['step'] == 3
    assert state['exp_avg'].isfinite().all()


def test_whole_accumulated_step_is_skipped(make_runner, net):
    model = net()
    poison = Poison(model, {0})
    runner = make_runner(
        model,
        [NonFiniteStepHook(), poison],
        optim_wrapper=dict(optimizer=SGD, accumulative_counts=2),
    )
    runner.train()
    assert poison.still() == {0, 1, 2}  # 0 and 1 bad together, 2 accumulates
    assert runner.message_hub.get_info(COUNT) == 1


@pytest.mark.parametrize('wrapper', ['plain', 'amp'])
def test_diverged_training_stops_with_a_lower_rate(make_runner, net, cpu_amp, wrapper):
    model = net()
    runner = make_runner(
        model,
        [NonFiniteStepHook(max_consecutive=3), Poison(model, range(9))],
        epochs=2,
        optim_wrapper=WRAPPERS[wrapper],
    )
    with pytest.raises(FloatingPointError) as error:
        runner.train()
    assert runner.iter == 2  # the third iteration
    assert '3 steps in a row' in str(error.value)
    assert '--cfg-options optim_wrapper.optimizer.lr=' in str(error.value)


def test_scattered_bad_steps_do_not_stop(make_runner, net):
    model = net()
    runner = make_runner(
        model, [NonFiniteStepHook(max_consecutive=2), Poison(model, {0, 2, 4, 6})], epochs=2
    )
    runner.train()
    assert runner.message_hub.get_info(COUNT) == 4


def test_count_survives_a_resume(make_runner, net, tmp_path):
    saving = dict(type='CheckpointHook', interval=1)
    model = net()
    make_runner(model, [NonFiniteStepHook(), Poison(model, {1, 2})], checkpoint=saving).train()
    model = net()
    runner = make_runner(
        model, [NonFiniteStepHook(), Poison(model, {5})], epochs=2, checkpoint=saving, resume=True
    )
    runner.train()
    assert runner.iter == 8
    assert runner.message_hub.get_info(COUNT) == 3


def test_optimiser_is_left_as_it_was(make_runner, net):
    runner = make_runner(net(), [NonFiniteStepHook()])
    runner.train()
    assert not runner.optim_wrapper.optimizer._optimizer_step_pre_hooks


def test_each_of_several_optimisers_is_watched():
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    wrappers = [OptimWrapper(torch.optim.SGD([w], lr=1.0)) for w in weights]
    runner = SimpleNamespace(
        optim_wrapper=OptimWrapperDict(a=wrappers[0], b=wrappers[1]),
        iter=0,
        message_hub=MessageHub.get_instance('several_optimisers'),
        logger=SimpleNamespace(warning=lambda text: None),
    )
    NonFiniteStepHook().before_train(runner)
    for weight, factor in zip(weights, (1.0, float('inf')), strict=True):
        weight.grad = torch.full((2,), factor)
    for wrapper in wrappers:
        wrapper.step()
    assert weights[0].tolist() == [0, 0] and weights[1].tolist() == [1, 1]
    assert runner.message_hub.get_info(COUNT) == 1
