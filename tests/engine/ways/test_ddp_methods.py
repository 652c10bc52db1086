"""Every listed method under DDP, as a Runner with the shipped hooks trains it.

Two gloo processes train one network that has a layer of each method side by
side, with gradients of two iterations a step. DDP runs with its default
``find_unused_parameters=False``: a parameter without a gradient would stop it
in the second iteration.
"""

from types import SimpleNamespace

import pytest
from conftest import ROOT
from engine.test_methods_train import BINARY, Side
from engine.toy_training import build_runner
from mmengine.config import Config
from mmengine.hooks import Hook
from two_ranks import WRAPPER, StepRecorder, assert_averaged, on_two_ranks

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.layers.binary_layer import BINARIZERS

EPOCHS = STEPS = 3  # each rank has two batches in an epoch, for one step
TIMES = dict(set_progress=2 * STEPS, extra_loss=2 * STEPS, before_step=STEPS, before_epoch=EPOCHS)
OWN = 'ags.statistics'  # of the rank's own batch, which nothing else depends on


def layer_of(method):
    return BinaryConv2d(4, 4, 3, padding=1, **method.policy()['layer'])


def asked_for(binarizer) -> list:
    """What the hooks have to call of it."""
    return [*['set_progress'] * binarizer.scheduled, *binarizer.carried]


LOSSES = sorted(
    {
        (role, f'loss_{type(binarizer).__name__.lower()}')
        for layer in map(layer_of, BINARY.values())
        for role, binarizer in ((role, getattr(layer, role)) for role in BINARIZERS)
        if 'extra_loss' in binarizer.carried
    }
)


RENEWED = [
    name
    for name, method in BINARY.items()
    if {'before_step', 'before_epoch'} & set(layer_of(method).weight_rule.carried)
]


class CallCounter(Hook):
    """Counts what the package's hooks call of the binarizers."""

    def __init__(self, model):
        self.calls = {}
        for name, layer in model.layers.items():
            for role in BINARIZERS:
                for method in asked_for(getattr(layer, role)):
                    self._count(getattr(layer, role), method, (name, role, method))

    def _count(self, binarizer, method, key):
        function, self.calls[key] = getattr(binarizer, method), 0

        def counted(*args):
            self.calls[key] += 1
            return function(*args)

        setattr(binarizer, method, counted)


def shipped() -> dict:
    """Hooks and optimizer of the configs, with a larger rate: three steps shall turn signs."""
    base = ROOT / 'configs/_base_'
    hooks = Config.fromfile(base / 'default_runtime.py').default_hooks.to_dict()
    plain = [f'layers._{name}' for name, method in BINARY.items() if not method.has_surge]
    hooks['ags'].update(interval=1, exclude=plain)
    del hooks['visualization']  # there are no pictures
    wrapper = Config.fromfile(base / 'schedules/adamw_12e.py').optim_wrapper.to_dict()
    wrapper['optimizer']['lr'] = 1e-2
    return dict(default_hooks=hooks, optim_wrapper=dict(wrapper, accumulative_counts=2))


def train(rank, folder):
    """What a rank started from, was given in each step, called and ended with."""
    model, recorder = Side(), StepRecorder()
    counter = CallCounter(model)
    runner = build_runner(
        model,
        [recorder],
        EPOCHS,
        launcher='pytorch',
        cfg=dict(model_wrapper_cfg=WRAPPER),
        work_dir=folder,
        experiment_name='two_ranks',
        log_level='WARNING',
        **shipped(),
    )
    runner.train()
    scalars = {
        name.removeprefix('train/'): buffer.data[0]
        for name, buffer in runner.message_hub.log_scalars.items()
        if 'loss' in name
    }
    return dict(
        start=recorder.start,
        steps=(recorder.own, recorder.taken),
        calls=counter.calls,
        losses=scalars,
        end=model.state_dict(),
    )


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ddp-methods')
    return [SimpleNamespace(**each) for each in on_two_ranks(train, folder, str(folder))]


def of_method(values: dict, name: str) -> dict:
    start = f'layers._{name}.'
    found = {k.removeprefix(start): v for k, v in values.items() if k.startswith(start)}
    assert 'weight' in found
    return found


@pytest.mark.parametrize('name', BINARY)
def test_both_ranks_hold_the_same(ranks, name):
    first, second = (of_method(rank.end, name) for rank in ranks)
    start = of_method(ranks[0].start, name)
    assert first.keys() == second.keys() == layer_of(BINARY[name]).state_dict().keys()
    assert not first['weight'].equal(start['weight'])
    for key, value in first.items():
        assert value.isfinite().all(), key
        assert value.equal(second[key]) == (key != OWN), key


def test_what_is_no_methods_is_the_same_too(ranks):
    first, second = (rank.end for rank in ranks)
    assert [k for k in first if not k.endswith(OWN) and not first[k].equal(second[k])] == []


@pytest.mark.parametrize('name', BINARY)
def test_each_step_takes_the_mean_of_both_ranks(ranks, name):
    own = [[[of_method(each, name) for each in part] for part in rank.steps] for rank in ranks]
    assert_averaged(own)
    (first, taken), (second, _) = own
    learning = dict(layer_of(BINARY[name]).named_parameters()).keys()
    assert len(taken) == STEPS and all(each.keys() == learning for each in taken)
    for one, other in zip(first, second, strict=True):
        assert not one['weight'].equal(other['weight'])


@pytest.mark.parametrize('name', BINARY)
def test_the_hooks_have_called_what_it_asks_for(ranks, name):
    layer = layer_of(BINARY[name])
    for rank in ranks:
        for role in BINARIZERS:
            binarizer = getattr(layer, role)
            found = {k[2]: n for k, n in rank.calls.items() if k[:2] == (f'_{name}', role)}
            assert found == {method: TIMES[method] for method in asked_for(binarizer)}
            if binarizer.scheduled:
                assert rank.end[f'layers._{name}.{role}.progress'] == 5 / 6


@pytest.mark.parametrize('name', RENEWED)
def test_what_steps_and_epochs_renew_has_changed(ranks, name):
    buffers = dict(layer_of(BINARY[name]).weight_rule.named_buffers()).keys() - {'progress'}
    for rank in ranks:
        before, after = of_method(rank.start, name), of_method(rank.end, name)
        kept = [f'weight_rule.{buffer}' for buffer in buffers]
        assert any(not before[key].equal(after[key]) for key in kept)


@pytest.mark.parametrize('role, loss', LOSSES)
def test_losses_are_of_the_rank_that_logs_them(ranks, role, loss):
    """One of weights is the same on both, one of inputs of the rank's own batch."""
    first, second = (rank.losses[loss] for rank in ranks)
    assert len(first) == len(second) == 2 * STEPS
    assert (first > 0).all() and (second > 0).all()
    assert (first == second).all() if role == 'weight_rule' else (first != second).all()
