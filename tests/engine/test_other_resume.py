"""A resume of something else is refused before the first step.

Each kind is a pair of trainings: what wrote the checkpoint, and what resumes
it. The optimizer is fused, as the configs have it: moments of another shape
would kill the process.
"""

import re

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from surge_mmdet.engine import (
    AGSHook,
    CheckpointReportHook,
    NonFiniteStepHook,
)
from surge_mmdet.layers import BinaryConv2d

pytest_plugins = ['toy_training']

SAVE = dict(type='CheckpointHook', interval=1, max_keep_ckpts=2)
FUSED = dict(type='AdamW', lr=1e-2, fused=True)
PLAIN = dict(optimizer=FUSED)
SURGE = dict(constructor='surge_mmdet.SurgeOptimWrapperConstructor', optimizer=FUSED)


class Steps(Hook):
    """Counts the iterations of a training that had to be refused."""

    count = 0

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.count += 1


def with_head(net, classes, channels=4):
    """The toy network with a head of so many classes, and a layer before."""
    model = net()
    model.wide = nn.Conv2d(4, channels, 1)
    model.head = nn.Conv2d(channels, classes, 1)
    plain = model.forward

    def forward(inputs, targets, mode='loss'):
        losses = plain(inputs, targets, mode)
        loss = model.head(model.wide(model.backbone(inputs))).square().mean()
        return dict(losses, loss_head=loss)

    model.forward = forward
    return model


def layer2(net, layer):
    model = net(surge=None)
    model.backbone.layer2 = layer
    return model


def in_order(net, names):
    """The toy network with layers of these names, registered in this order."""
    model = net()
    for name in names:
        model.add_module(name, nn.Conv2d(4, 4, 1))
    plain = model.forward

    def forward(inputs, targets, mode='loss'):
        loss = model.left(model.right(model.backbone(inputs))).square().mean()
        return dict(plain(inputs, targets, mode), loss_more=loss)

    model.forward = forward
    return model


def real(net):
    return layer2(net, nn.Conv2d(4, 4, 3, padding=1, bias=False))


def binary(activation, **more):
    options = dict(activation=dict(type=activation, **more), surge=None, bias=False, padding=1)
    return lambda net: layer2(net, BinaryConv2d(4, 4, 3, **options))


KINDS = {  # name: model that saved, model that resumes, what the error says
    'more classes': (lambda n: with_head(n, 3), lambda n: with_head(n, 5), r'head\.weight \(3, 4'),
    'less classes': (lambda n: with_head(n, 10), lambda n: with_head(n, 3), r'\(10, 4, 1, 1\)'),
    'other widths': (lambda n: with_head(n, 3), lambda n: with_head(n, 3, 8), r'wide\.weight'),
    'more parameters': (lambda n: n(), lambda n: with_head(n, 3), 'parameters are missing: wide.w'),
    'less parameters': (lambda n: with_head(n, 3), lambda n: n(), 'left over: wide.weight'),
    'plain to SURGE': (lambda n: n(surge=None), lambda n: n(), 'aux_weight'),
    'SURGE to plain': (lambda n: n(), lambda n: n(surge=None), 'left over: .*aux_weight'),
    'real to binary': (real, binary('SignSTE'), r'layer2 was real and is BinaryConv2d\(SignSTE'),
    'binary to real': (binary('SignSTE'), real, r'layer2 was BinaryConv2d\(.* and is real'),
    'surrogate': (
        binary('SignSTE'),
        binary('SignPolynomial'),
        "activation.type was 'SignSTE' and is 'SignPoly",
    ),
    'clip': (
        binary('SignSTE'),
        binary('SignSTE', clip=0.1),
        r'a layer has another method: backbone\.layer2 activation\.clip was 1\.0 and is 0\.1',
    ),
    'eta': (
        lambda n: n(surge=dict(eta=0.3, branch='tied')),
        lambda n: n(surge=dict(eta=3, branch='tied')),
        r'3 layers have another method: .*surge\.eta was 0\.3 and is 3',
    ),
    'order': (
        lambda n: in_order(n, ('left', 'right')),
        lambda n: in_order(n, ('right', 'left')),
        'another order or grouping',
    ),
}
# Only names tell these apart: without a record nobody can.
RECORDED = {'real to binary', 'binary to real', 'surrogate', 'clip', 'eta', 'order'}
OPTIMISERS = {  # name: what saved, what resumes, what the error says
    'SGD to AdamW': (dict(type='SGD', lr=0.1, momentum=0.9), FUSED, 'SGD.* AdamW|another type'),
    'AdamW to SGD': (FUSED, dict(type='SGD', lr=0.1, momentum=0.9), 'AdamW.* SGD|another type'),
    'AdamW to RMSprop': (FUSED, dict(type='RMSprop', lr=0.1), 'RMSprop|another type'),
    'Adam to AdamW': (dict(type='Adam', lr=0.1, fused=True), FUSED, 'was Adam, and is AdamW'),
}


@pytest.fixture
def resume(make_runner, tmp_path):
    """Train one model for an epoch, then resume with another."""

    def run(first, second, hooks, wrappers=(PLAIN, PLAIN), edit=None):
        folder = tmp_path / 'run'
        options = dict(checkpoint=SAVE, work_dir=str(folder))
        make_runner(first, [CheckpointReportHook()], optim_wrapper=wrappers[0], **options).train()
        if edit:
            path = folder / 'epoch_1.pth'
            saved = torch.load(path, weights_only=False)
            edit(saved)
            torch.save(saved, path)
        steps = Steps()
        runner = make_runner(
            second, [*hooks, steps], 2, optim_wrapper=wrappers[1], resume=True, **options
        )
        return runner, steps

    return run


def forget(saved):
    """A checkpoint as the version before wrote it."""
    del saved['meta']['surge_mmdet']


def refused(runner, steps):
    with pytest.raises(ValueError, match='cannot be resumed') as error:
        runner.train()
    assert steps.count == 0
    return str(error.value)


@pytest.mark.parametrize('kind', KINDS)
def test_another_model_is_refused_with_the_line(resume, net, tmp_path, kind):
    first, second, says = KINDS[kind]
    text = refused(*resume(first(net), second(net), [CheckpointReportHook()]))
    assert re.search(says, text), text
    assert text.endswith(f'--cfg-options load_from={tmp_path}/run/epoch_1.pth')


@pytest.mark.parametrize('kind', sorted(set(KINDS) - RECORDED))
def test_so_is_one_of_an_older_checkpoint(resume, net, kind):
    first, second, says = KINDS[kind]
    text = refused(*resume(first(net), second(net), [CheckpointReportHook()], edit=forget))
    assert re.search(says, text), text


# Adam's state has the same meaning for AdamW: only the record tells.
TOLD = [(kind, None) for kind in OPTIMISERS] + [
    (kind, forget) for kind in OPTIMISERS if kind != 'Adam to AdamW'
]


@pytest.mark.parametrize('kind, edit', TOLD)
def test_another_optimiser_is_refused(resume, net, kind, edit):
    first, second, says = OPTIMISERS[kind]
    wrappers = [dict(optimizer=each) for each in (first, second)]
    text = refused(*resume(net(), net(), [CheckpointReportHook()], wrappers, edit))
    assert re.search(says, text), text


@pytest.mark.parametrize('edit', [None, forget], ids=['recorded', 'older'])
@pytest.mark.parametrize('wrappers', [(PLAIN, SURGE), (SURGE, PLAIN)], ids=['apart', 'together'])
def test_other_groups_are_refused(resume, net, wrappers, edit):
    text = refused(*resume(net(), net(), [CheckpointReportHook()], wrappers, edit))
    assert re.search('grouping|in 2 groups', text), text


# Configs that lack our hooks: whatever of ours they have is enough.
GUARDS = {
    'wrapper': ([], SURGE),
    'NonFiniteStepHook': ([NonFiniteStepHook()], PLAIN),
    'AGSHook': ([AGSHook()], PLAIN),
}


@pytest.mark.parametrize('kind', ['more classes', 'less classes', 'other widths'])
@pytest.mark.parametrize('guard', GUARDS)
def test_moments_of_another_shape_never_reach_a_step(resume, net, guard, kind):
    hooks, wrapper = GUARDS[guard]
    first, second, _ = KINDS[kind]
    text = refused(*resume(first(net), second(net), hooks, (wrapper, wrapper)))
    assert 'the optimizer state exp_avg of parameter' in text


def test_neither_do_they_by_the_runners_own_resume(resume, net):
    first, second = (with_head(net, classes) for classes in (3, 5))
    runner, steps = resume(first, second, [], (SURGE, SURGE))
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    with pytest.raises(ValueError, match='CHECKPOINT cannot be resumed'):
        runner.resume(f'{runner.work_dir}/epoch_1.pth')
    assert steps.count == 0


@pytest.mark.parametrize('key', ['meta', 'message_hub'])
def test_weights_alone_are_refused(resume, net, key):
    text = refused(
        *resume(net(), net(), [CheckpointReportHook()], edit=lambda saved: saved.pop(key))
    )
    assert 'holds weights only' in text


@pytest.mark.parametrize('kind', sorted({*KINDS} - {'surrogate'}))
def test_the_line_it_shows_starts_a_training(resume, net, make_runner, kind):
    first, second, _ = KINDS[kind]
    runner, steps = resume(first(net), second(net), [CheckpointReportHook()])
    path = refused(runner, steps).split('load_from=')[1]
    new = make_runner(second(net), [CheckpointReportHook()], load_from=path, optim_wrapper=PLAIN)
    new.train()
    assert new.iter == 4


def test_the_same_goes_on_recorded_or_not(resume, net):
    for edit in (None, forget):
        runner, steps = resume(net(), net(), [CheckpointReportHook()], (SURGE, SURGE), edit)
        runner.train()
        assert steps.count == 4 and runner.iter == 8


def log_of(resume, net, monkeypatch, *args, **kwargs):
    runner, _ = resume(net(), net(), [CheckpointReportHook()], *args, **kwargs)
    lines = []
    monkeypatch.setattr(runner.logger, 'warning', lambda text, *args, **kwargs: lines.append(text))
    runner.train()
    return '\n'.join(map(str, lines))


def test_settings_that_a_resume_keeps_are_named(resume, net, monkeypatch):
    other = dict(optimizer=dict(FUSED, lr=3e-3, weight_decay=0.5))
    text = log_of(resume, net, monkeypatch, (PLAIN, other))
    assert 'weight_decay=0.01, not 0.5' in text and 'lr=0.01, not 0.003' in text
    assert 'load_from=' in text


def test_equal_settings_are_not(resume, net, monkeypatch):
    listed = dict(optimizer=dict(FUSED, betas=[0.9, 0.999]))
    text = log_of(resume, net, monkeypatch, (PLAIN, listed))
    assert 'keeps' not in text


def test_a_checkpoint_without_moments_is_said_to_be(resume, net, monkeypatch):
    text = log_of(resume, net, monkeypatch, edit=lambda saved: saved.pop('optimizer'))
    assert 'save_optimizer=True' in text


def test_a_test_of_another_method_is_warned_of(resume, net, tmp_path, monkeypatch):
    runner, _ = resume(real(net), binary('SignSTE')(net), [CheckpointReportHook()])
    hook = next(h for h in runner.hooks if isinstance(h, CheckpointReportHook))
    runner.load_checkpoint(str(tmp_path / 'run/epoch_1.pth'))
    lines = []
    monkeypatch.setattr(runner.logger, 'warning', lines.append)
    hook.before_test(runner)
    assert 'layer2 was real and is BinaryConv2d' in lines[0]


def test_the_record_is_plain_data(resume, net, tmp_path):
    """torch.load(weights_only=True) takes it, as mmdet's tools do."""
    resume(net(), net(), [], (SURGE, SURGE))
    record = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=False)['meta']['surge_mmdet']
    torch.save(record, tmp_path / 'record.pth')
    assert torch.load(tmp_path / 'record.pth', weights_only=True) == record
    assert record['optimizers']['']['type'] == 'AdamW'
    network, auxiliary = record['optimizers']['']['groups']
    assert 'backbone.stem.weight' in network and 'backbone.layer2.aux_weight' in auxiliary
