"""``mode='running'``: its state in checkpoints, and nobody to end a step."""

from functools import partial

import pytest
import torch
from engine.test_resume import difference
from engine.toy_training import Net

from surge_mmdet.engine import AGSHook, EpochSeedHook
from surge_mmdet.surge import AdaptiveGradientScaler
from surge_mmdet.surge.extensions import RunningNormScaler, running_norms

pytest_plugins = ['engine.toy_training']

RUNNING = dict(mode='running')
CORRECTED = r"custom_hooks=\[dict\(type='surge_mmdet.AGSHook'\)\]"


def final(folder):
    return torch.load(folder / 'epoch_4.pth', weights_only=False)


def test_resumed_training_equals_an_uninterrupted_one_bitwise(make_runner, tmp_path):
    changed = difference(
        make_runner,
        partial(Net, surge=RUNNING),
        tmp_path,
        lambda: [EpochSeedHook(), AGSHook(interval=3)],
    )
    assert changed == []
    saved = final(tmp_path / 'parts')['state_dict']
    key = 'backbone.layer2.ags.'
    assert saved[key + 'running'][2] == 16  # steps of both parts together
    assert saved[key + 'statistics'][0] > 0
    assert not any('pending' in name for name in saved)


def test_without_its_buffers_the_resumed_training_differs(make_runner, tmp_path, monkeypatch):
    def forget(layer, state_dict, prefix, *args):
        state_dict.pop(prefix + 'running', None)
        torch.nn.Module._load_from_state_dict(layer, state_dict, prefix, *args)

    monkeypatch.setattr(RunningNormScaler, '_load_from_state_dict', forget)
    changed = difference(
        make_runner,
        partial(Net, surge=RUNNING),
        tmp_path,
        lambda: [EpochSeedHook(), AGSHook(interval=3)],
    )
    assert 'backbone.layer1.0.weight' in changed


def gradients():
    return torch.ones(1, 2), torch.ones(1, 2)


def test_a_loop_that_never_ends_a_step_is_stopped():
    scaler = RunningNormScaler()
    for _ in range(running_norms.MOST_CALLS):
        assert scaler.add(*gradients())[1] == 0
    with pytest.raises(RuntimeError, match=CORRECTED) as error:
        scaler.add(*gradients())
    assert 'scaler.close_step(scaler.pending)' in str(error.value)


def test_the_line_it_shows_makes_the_loop_run():
    scaler = RunningNormScaler()
    for step in range(running_norms.MOST_CALLS + 10):
        scale = scaler.add(*gradients())[1]
        assert step == 0 or scale > 0.09
        scaler.close_step(scaler.pending)
    assert scaler.running[2] == running_norms.MOST_CALLS + 10


def test_batch_mode_needs_nobody():
    scaler = AdaptiveGradientScaler()
    for _ in range(running_norms.MOST_CALLS + 10):
        assert scaler.add(*gradients())[1].mean() > 0


def test_training_without_the_hook_is_stopped(make_runner, monkeypatch):
    monkeypatch.setattr(running_norms, 'MOST_CALLS', 6)
    runner = make_runner(Net(surge=RUNNING), epochs=3)
    with pytest.raises(RuntimeError, match=CORRECTED):
        runner.train()
    assert runner.iter == 6
    make_runner(Net(surge=RUNNING), [AGSHook()], epochs=3).train()


@pytest.mark.parametrize('exclude', [(), ('*.layer1.0',)], ids=('frozen', 'excluded'))
def test_the_hook_ends_the_steps_of_every_running_layer(make_runner, exclude):
    model = Net(surge=RUNNING)
    if not exclude:  # a frozen layer behind others still passes a gradient
        model.backbone.layer1[0].weight.requires_grad_(False)
    runner = make_runner(model, [AGSHook(exclude=exclude)])
    runner.train()
    for module in model.modules():
        if isinstance(module, RunningNormScaler):
            assert module.running[2] == 4 and not module.pending.any()
