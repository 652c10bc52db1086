"""A schedule that does not fit the epochs is named before training.

Every line that is shown is written and tried: afterwards nothing is said.
"""

import re
from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config, DictAction
from mmengine.hooks import Hook

from surge_mmdet.engine import CheckpointReportHook, EtaScheduleHook, ScheduleHook

pytest_plugins = ['toy_training']

ITERATIONS = 4  # of an epoch of the toy data
SAVE = dict(type='CheckpointHook', interval=1)
WARM_UP = dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=3)
COSINE = dict(
    type='CosineAnnealingLR', eta_min=1e-4, by_epoch=True, begin=0, convert_to_iter_based=True
)
STEPS = dict(type='MultiStepLR', begin=0, by_epoch=True, gamma=0.1)


def cosine(epochs, **changes):
    """As configs had it: an end and T_max of its own."""
    return dict(COSINE, T_max=epochs, end=epochs, **changes)


class Rates(Hook):
    """The learning rate of each iteration."""

    priority = 'LOWEST'

    def __init__(self):
        self.seen = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.seen.append(runner.optim_wrapper.get_lr()['lr'][0])


@pytest.fixture
def train(make_runner, net, tmp_path):
    """Train with a schedule; the rates, and what was said before."""

    def run(scheduler, epochs, hook=None, lr=1e-2, hooks=(), **options):
        rates, lines = Rates(), []
        runner = make_runner(
            net(),
            [CheckpointReportHook(), hook or ScheduleHook(), rates, *hooks],
            epochs,
            checkpoint=SAVE,
            param_scheduler=deepcopy(scheduler),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=lr)),
            **{'cfg': Config(dict(param_scheduler=deepcopy(scheduler))), **options},
        )
        runner.logger.warning = lambda text, *args, **kwargs: lines.append(str(text))
        try:
            runner.train()
        finally:
            del runner.logger.warning
        return rates.seen, [line for line in lines if 'is None' not in line]

    return run


@pytest.fixture
def interrupted(train, tmp_path):
    """A checkpoint after so many epochs of a longer training."""

    class Stop(Hook):
        def before_train_epoch(self, runner):
            if runner.epoch == 2:
                raise KeyboardInterrupt

    def run(scheduler, epochs, **options):
        with pytest.raises(KeyboardInterrupt):
            train(scheduler, epochs, hooks=[Stop()], **options)
        return dict(load_from=str(tmp_path / 'work/epoch_2.pth'), resume=True)

    return run


def written(scheduler, line):
    """The schedule with the shown ``--cfg-options`` taken in."""
    options = line.split('--cfg-options ')[1].rstrip('.').split()
    target = SimpleNamespace(options=None)
    DictAction(['--cfg-options'], 'options')(None, target, options)
    cfg = Config(dict(param_scheduler=deepcopy(scheduler)))
    cfg.merge_from_dict(target.options)
    return cfg.param_scheduler


FIT = {
    'cosine without an end': [WARM_UP, COSINE],
    'its own end': [WARM_UP, cosine(3)],
    'warm-up alone': [WARM_UP],
    'constant': [dict(type='ConstantLR', factor=1.0, begin=0, end=3, by_epoch=True)],
    'milestones': [WARM_UP, dict(STEPS, milestones=[1, 2])],
    'milestones and end': [WARM_UP, dict(STEPS, milestones=[1, 2], end=3)],
    'by iteration': [dict(type='LinearLR', by_epoch=False, start_factor=1.0, end_factor=0.1)],
    'one entry': COSINE,
    'a chain': [
        dict(WARM_UP, end=1, by_epoch=True, convert_to_iter_based=True),
        dict(COSINE, begin=1, end=2, T_max=1),
        dict(type='ConstantLR', factor=1.0, begin=2, end=3, by_epoch=True),
    ],
    'none': None,
}


@pytest.mark.parametrize('kind', FIT)
def test_a_schedule_that_fits_is_left_alone(train, kind):
    assert train(FIT[kind], 3)[1] == []


MISFITS = {  # schedule for 3 epochs, what is said of another number of them
    'raised alone': ([WARM_UP, cosine(3)], 6, 'ends after 3 epochs, the training after 6 epochs'),
    'lowered alone': ([WARM_UP, cosine(3)], 2, 'made for 3 epochs, the training has 2 epochs'),
    'one entry': (cosine(3), 6, 'ends after 3 epochs'),
    'end alone': ([dict(COSINE, end=3)], 6, 'ends after 3 epochs'),
    'end without T_max': ([dict(COSINE, end=6, T_max=3)], 6, 'for 3 epochs of 6 epochs and then'),
    'T_max too long': ([dict(COSINE, T_max=9)], 6, 'is cut off before its end value'),
    'by epoch': ([dict(type='CosineAnnealingLR', T_max=3, end=3)], 6, 'ends after 3 epochs'),
    'by iteration': (
        [dict(type='LinearLR', by_epoch=False, start_factor=1.0, end_factor=0.1, end=12)],
        6,
        'ends after 12 iterations, the training after 24 iterations',
    ),
    'milestones': ([dict(STEPS, milestones=[1, 2], end=3)], 6, 'ends after 3 epochs'),
    'milestones too late': ([dict(STEPS, milestones=[8, 11])], 6, 'fall after 11 epochs'),
    'polynomial': ([dict(type='PolyLR', eta_min=1e-4, end=3)], 6, 'ends after 3 epochs'),
    'a chain': (FIT['a chain'], 6, 'ends after 3 epochs'),
    'a shorter chain': (FIT['a chain'][:2], 6, 'ends after 2 epochs'),
    'long warm-up': ([dict(WARM_UP, end=500), COSINE], 6, 'warm-up of 500 iterations'),
    'rising': ([dict(COSINE, eta_min=0.1)], 6, 'would rise to eta_min=0.1'),
}


@pytest.mark.parametrize('kind', MISFITS)
def test_a_misfit_is_named_and_the_line_mends_it(train, kind):
    scheduler, epochs, says = MISFITS[kind]
    _, (line,) = train(scheduler, epochs)
    assert says in line
    assert train(written(scheduler, line), epochs)[1] == []


@pytest.mark.parametrize('epochs', [1, 2, 6])
def test_a_cosine_without_an_end_follows_the_epochs(train, epochs):
    rates, lines = train([COSINE], epochs)
    assert lines == []
    assert rates == pytest.approx(train([cosine(epochs)], epochs)[0], abs=0)
    assert len(rates) == epochs * ITERATIONS and rates[-1] < rates[0] / 3


@pytest.mark.parametrize(
    'scheduler',
    [dict(COSINE, begin=2, end=3, T_max=1), dict(STEPS, milestones=[8, 11])],
    ids=['begins too late', 'no room for milestones'],
)
def test_a_training_too_short_for_any_line_has_none(train, scheduler):
    _, (line,) = train([scheduler], 1)
    assert 'the training has 1 epoch' in line and '--cfg-options' not in line


LONGER = [WARM_UP, COSINE]
KEPT = "keeps the checkpoint's schedule"


def test_a_resume_with_more_epochs_says_whose_schedule_it_keeps(train, interrupted):
    ends = interrupted(LONGER, 3)
    rates, lines = train(LONGER, 6, **ends)
    assert len(lines) == 2 and KEPT in lines[0] and 'ends after 3 epochs' in lines[1]
    assert lines[0].endswith('default_hooks.schedule.on_resume=config')
    assert '--cfg-options' not in lines[1]  # the config's end is not at fault
    assert rates[-1] == rates[-2 * ITERATIONS] < 1e-3


def test_the_line_it_shows_gives_the_config_its_schedule(train, interrupted):
    start = interrupted(LONGER, 3)
    rates, lines = train(LONGER, 6, ScheduleHook('config'), **start)
    assert lines == []
    assert rates == pytest.approx(train(LONGER, 6)[0][2 * ITERATIONS :], rel=1e-9)
    assert len(rates) == 4 * ITERATIONS


def test_schedulers_built_in_python_have_no_line(train):
    _, (line,) = train([cosine(3)], 6, cfg=Config(dict()))
    assert 'ends after 12 iterations' in line and '--cfg-options' not in line


SCHEDULES = {
    'by iteration': LONGER,
    'by epoch': [WARM_UP, dict(type='CosineAnnealingLR', eta_min=1e-4)],
    'milestones': [WARM_UP, dict(STEPS, milestones=[1, 4])],
}


@pytest.mark.parametrize('on_resume', ['checkpoint', 'config'])
@pytest.mark.parametrize('kind', SCHEDULES)
def test_a_resume_of_the_same_schedule_goes_on_in_silence(train, interrupted, kind, on_resume):
    scheduler = SCHEDULES[kind]
    start = interrupted(scheduler, 6)
    rates, lines = train(scheduler, 6, ScheduleHook(on_resume), **start)
    assert lines == []
    assert rates == pytest.approx(train(scheduler, 6)[0][2 * ITERATIONS :], rel=1e-9)


@pytest.mark.parametrize('on_resume, lr', [('checkpoint', 1e-2), ('config', 3e-3)])
def test_the_learning_rate_follows_the_same_word(train, interrupted, on_resume, lr):
    start = interrupted(LONGER, 6)
    rates, lines = train(LONGER, 6, ScheduleHook(on_resume), lr=3e-3, **start)
    assert rates == pytest.approx(train(LONGER, 6, lr=lr)[0][2 * ITERATIONS :], rel=1e-9)
    assert any('lr=0.01, not 0.003' in line for line in lines) == (on_resume == 'checkpoint')


def test_a_checkpoint_without_a_schedule_follows_the_config(train, interrupted):
    start = interrupted(LONGER, 6)
    saved = torch.load(start['load_from'], weights_only=False)
    del saved['param_schedulers']
    torch.save(saved, start['load_from'])
    rates, lines = train(LONGER, 6, **start)
    assert lines == []
    assert rates == pytest.approx(train(LONGER, 6)[0][2 * ITERATIONS :], rel=1e-9)


@pytest.mark.parametrize('other', [[WARM_UP], [WARM_UP, dict(STEPS, milestones=[1])]])
def test_a_schedule_of_other_parts_is_not_mixed_in(train, interrupted, other):
    start = interrupted(LONGER, 6)
    with pytest.raises(ValueError, match=re.escape('default_hooks.schedule.on_resume=config')):
        train(other, 6, **start)
    rates, _ = train(other, 6, ScheduleHook('config'), **start)
    assert rates == pytest.approx(train(other, 6)[0][2 * ITERATIONS :], rel=1e-9)


def test_another_word_is_answered_with_the_line():
    with pytest.raises(ValueError, match="on_resume='config'"):
        ScheduleHook('configg')


def test_a_warm_up_of_eta_beyond_the_training_is_named(train):
    text = '\n'.join(train([COSINE], 2, hooks=[EtaScheduleHook(warmup=500)])[1])
    assert 'warm-up of 500 iterations is longer than the training of 8' in text
    line = int(text.split('warmup=')[1].split(')')[0])
    for warmup in (8, line):
        assert train([COSINE], 2, hooks=[EtaScheduleHook(warmup=warmup)])[1] == []


CONFIGS = sorted(
    path for folder in ('faster_rcnn', 'ssd') for path in (ROOT / 'configs' / folder).glob('*.py')
)


@pytest.mark.parametrize('epochs', [1, 5, 30])
@pytest.mark.parametrize(
    'path', [p for p in CONFIGS if '_surge_' in p.stem and 'bccd' in p.stem], ids=lambda p: p.stem
)
def test_max_epochs_alone_is_enough_for_a_shipped_config(train, path, epochs):
    warm_up, decay = Config.fromfile(path).to_dict()['param_scheduler']
    rates, lines = train([dict(warm_up, end=3), decay], epochs)
    assert lines == []
    assert rates[-1] < max(rates) and min(rates[3:]) == rates[-1]
