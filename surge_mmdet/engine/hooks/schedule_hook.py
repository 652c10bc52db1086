"""Holds the schedule of the learning rate against the training."""

import warnings

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop

from ...errors import unknown
from ...registry import HOOKS
from ..checks.resume import is_resuming
from ..checks.schedule import made_of, misfits, parts_of

SOURCES = ('checkpoint', 'config')


@HOOKS.register_module()
class ScheduleHook(Hook):
    """Says before training where the schedule does not fit the epochs.

    A scheduler without ``end`` ends with the training, and a cosine without
    ``T_max`` falls until its end: such a schedule, as the configs of this
    package have, follows ``train_cfg.max_epochs``.

    MMEngine resumes with the schedule of the checkpoint, whatever the config
    says. With ``on_resume='config'`` the rate is where the config's schedule
    has it after as many epochs; so it is for a checkpoint without a schedule.

    Args:
        on_resume (str): ``checkpoint`` or ``config``: whose schedule and
            learning rate a resume goes on with.

    Raises:
        ValueError: For another word; when a resume takes up a schedule of
            other parts than the config's.
    """

    priority = 'VERY_HIGH'

    def __init__(self, on_resume: str = 'checkpoint') -> None:
        if on_resume not in SOURCES:
            raise unknown(
                'ScheduleHook: on_resume',
                on_resume,
                SOURCES,
                "default_hooks=dict(schedule=dict(type='surge_mmdet.ScheduleHook', "
                "on_resume='{}'))",
            )
        self.on_resume = on_resume
        self._replays = False
        self._planned, self._start = [], []

    def before_run(self, runner) -> None:
        """Remember the config's schedule; called before anything is loaded."""
        if not isinstance(runner.optim_wrapper, OptimWrapper):
            return  # a test: nothing is built
        schedulers = _all(runner.param_schedulers)
        self._planned = [made_of(each) for each in schedulers]
        self._start = [
            {key: group[key] for key in group if key != 'params'}
            for group in _groups(runner, schedulers)
        ]

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Decide whose schedule a resume follows."""
        if not is_resuming(runner):
            return
        saved = checkpoint.get('param_schedulers')
        self._replays = self.on_resume == 'config' or saved is None
        if self._replays:
            checkpoint.pop('param_schedulers', None)
        else:
            self._check_parts([made_of(each) for each in _all(saved)])

    def before_train(self, runner) -> None:
        """Put the schedule where it belongs, and say what does not fit."""
        if self._replays:
            self._replay(runner)
        kept = [made_of(each) for each in _all(runner.param_schedulers)] != self._planned
        if kept:
            runner.logger.warning(
                "A resume keeps the checkpoint's schedule of the learning rate, and the config "
                'has another. To follow the config write --cfg-options '
                'default_hooks.schedule.on_resume=config'
            )
        for parts in parts_of(runner):
            for misfit in misfits(parts):
                # The config's options do not reach a schedule that is kept.
                runner.logger.warning(f'{misfit.what}.' if kept else str(misfit))

    def _check_parts(self, saved: list) -> None:
        if [set(each) for each in saved] != [set(each) for each in self._planned]:
            raise ValueError(
                "the checkpoint's schedule of the learning rate has other parts than the "
                "config's. To follow the config write --cfg-options "
                'default_hooks.schedule.on_resume=config'
            )

    def _replay(self, runner) -> None:
        """Step the config's schedule to where the training goes on."""
        self._replays = False
        schedulers = _all(runner.param_schedulers)
        for group, start in zip(_groups(runner, schedulers), self._start, strict=True):
            for name in {each.param_name for each in schedulers}:
                group.update({key: start[key] for key in (name, f'initial_{name}') if key in start})
        epochs = isinstance(runner.train_loop, EpochBasedTrainLoop)
        rounds = runner.epoch if epochs else 1
        steps = len(runner.train_dataloader) if epochs else runner.iter
        with warnings.catch_warnings():  # of steps without the optimizer
            warnings.simplefilter('ignore')
            for _ in range(rounds):
                _step(schedulers, steps, by_epoch=False)
                _step(schedulers, int(epochs), by_epoch=True)
        runner.logger.info(
            f"The learning rate follows the config's schedule from iteration {runner.iter}"
        )


def _all(schedulers) -> list:
    """The schedulers of all optimizers, or their states, in one list."""
    if isinstance(schedulers, dict):
        return [each for own in schedulers.values() for each in own]
    return list(schedulers or [])


def _groups(runner, schedulers: list) -> list:
    """The groups that the schedulers change, each once."""
    wrappers = {id(each.optimizer): each.optimizer for each in schedulers}
    return [group for wrapper in wrappers.values() for group in wrapper.param_groups]


def _step(schedulers: list, count: int, by_epoch: bool) -> None:
    for _ in range(count):
        for each in schedulers:
            if each.by_epoch == by_epoch and not getattr(each, 'need_val_args', False):
                each.step()
