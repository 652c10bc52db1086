"""NaN and infinite gradients at chosen places of a real training."""

import pytest
import torch
from mmengine.hooks import Hook
from small_runs import OPTIMISER, SAVE, leaves

from surge_mmdet.engine import AGSHook

pytest_plugins = ['fault_fixtures']

VALUES = [float('nan'), float('inf'), float('-inf')]
# The last iteration of the first epoch: its checkpoint follows a bad step.
BAD = {3, 5}


def spoil_output(layer, spoil):
    """Spoil the gradient that reaches ``layer`` from above."""
    layer.register_forward_hook(lambda module, args, output: output.register_hook(spoil) and None)


def spoil_loss(model, spoil):
    """Spoil the loss itself."""
    model.register_forward_hook(
        lambda module, args, losses: {k: spoil(v) for k, v in losses.items()}
    )


PLACES = {
    'first layer': lambda net, spoil: spoil_output(net.backbone.layer1[0], spoil),
    'last layer': lambda net, spoil: spoil_output(net.backbone.layer2, spoil),
    'W_a': lambda net, spoil: net.backbone.layer1[2].aux_weight.register_hook(spoil),
    'loss': spoil_loss,
}
LAYERS = ('layer1.0', 'layer1.2', 'layer2')
# Layers whose own norms are those of the broken gradient.
BROKEN = {'first layer': LAYERS[:1], 'last layer': LAYERS, 'W_a': (), 'loss': LAYERS}


class Fault(Hook):
    """Breaks one number at ``place`` in the iterations ``bad``.

    Keeps what the training holds before the first and after each iteration.
    """

    priority = 'LOWEST'

    def __init__(self, model, place, value, bad=BAD):
        self.value, self.bad, self.now = value, bad, None
        self.weights, self.buffers, self.moments = [], [], []
        PLACES[place](model, self.spoil)

    def spoil(self, tensor):
        """``tensor``, its last number broken in a bad iteration."""
        if self.now not in self.bad:
            return tensor
        broken = tensor.clone()
        broken.view(-1)[-1] *= self.value
        return broken

    def before_train(self, runner):
        self.keep(runner)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.now = runner.iter

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.keep(runner)

    def keep(self, runner):
        model = runner.model
        self.weights.append(copies(model.named_parameters()))
        self.buffers.append(copies(model.named_buffers()))
        state = runner.optim_wrapper.optimizer.state_dict()['state']
        self.moments.append(copies(leaves(state)))


def copies(named):
    return {name: value.detach().clone() for name, value in named}


def same(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def run(make_runner, net, place, value, mode='batch', bad=BAD, **options):
    """Two epochs of four iterations each."""
    model = net(surge=dict(eta=0.3, mode=mode))
    fault = Fault(model, place, value, bad)
    hooks = [AGSHook(interval=2, max_consecutive=3), fault]
    runner = make_runner(
        model, hooks, epochs=2, checkpoint=SAVE, optim_wrapper=OPTIMISER, **options
    )
    return runner, fault


@pytest.fixture(params=['batch', 'running'])
def mode(request):
    return request.param


@pytest.mark.parametrize('value', VALUES)
@pytest.mark.parametrize('place', PLACES)
def test_bad_step_is_skipped_and_the_next_one_learns(make_runner, net, place, value, mode):
    runner, fault = run(make_runner, net, place, value, mode)
    runner.train()
    for i in range(8):
        still = same(fault.weights[i], fault.weights[i + 1])
        assert still == (i in BAD), i
        assert same(fault.moments[i], fault.moments[i + 1]) == still, i
    assert runner.message_hub.get_info('surge/skipped_steps') == 2
    for moment in (*fault.weights, *fault.buffers, *fault.moments):
        bad = [k for k, v in moment.items() if not v.isfinite().all()]
        assert bad == []


@pytest.mark.parametrize('value', VALUES)
@pytest.mark.parametrize('place', PLACES)
def test_broken_norms_enter_no_average(make_runner, net, place, value):
    runner, fault = run(make_runner, net, place, value, 'running')
    runner.train()
    for layer in LAYERS:
        name = f'backbone.{layer}.ags.running'
        steps = [buffers[name][2].item() for buffers in fault.buffers]
        lost = len(BAD) if layer in BROKEN[place] else 0
        assert steps[-1] == 8 - lost
        for i in BAD if lost else ():
            assert same({0: fault.buffers[i][name]}, {0: fault.buffers[i + 1][name]})
        counts = fault.buffers[-1][f'backbone.{layer}.ags.statistics']
        assert counts[5] == lost  # non_finite
        assert counts[0] > 0  # lambda is at work again


@pytest.mark.parametrize('place', PLACES)
def test_run_goes_on_from_a_checkpoint_saved_after_a_bad_step(
    make_runner, net, tmp_path, place, mode
):
    runner, fault = run(make_runner, net, place, VALUES[0], mode)
    runner.train()
    saved = torch.load(tmp_path / 'work/epoch_1.pth', weights_only=False)
    for name, value in saved['state_dict'].items():
        assert value.isfinite().all(), name
    for name, value in fault.weights[4].items():
        assert torch.equal(saved['state_dict'][name], value), name
    resumed, again = run(
        make_runner,
        net,
        place,
        VALUES[0],
        mode,
        {5},
        load_from=str(tmp_path / 'work/epoch_1.pth'),
        resume=True,
        work_dir=str(tmp_path / 'again'),
    )
    resumed.train()
    assert same(again.weights[-1], fault.weights[-1])
    assert resumed.message_hub.get_info('surge/skipped_steps') == 2


@pytest.mark.parametrize('value', VALUES)
@pytest.mark.parametrize('place', PLACES)
def test_run_of_bad_steps_ends_with_the_line_to_write(make_runner, net, place, value, mode):
    runner, fault = run(make_runner, net, place, value, mode, range(8))
    with pytest.raises(FloatingPointError) as error:
        runner.train()
    assert runner.iter == 2 and same(fault.weights[0], fault.weights[-1])
    text = str(error.value)
    assert '3 steps in a row had NaN or infinite gradients' in text
    lower = float(text.split('optim_wrapper.optimizer.lr=')[1])
    assert 0 < lower < OPTIMISER['optimizer']['lr']
