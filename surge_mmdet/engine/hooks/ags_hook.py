"""The config's entrance to SURGE: checks, statistics and the guard."""

from mmengine.dist import all_reduce

from ...registry import HOOKS
from ...surge.extensions import close_steps, running_scalers
from ..bare_model import bare_model
from ..checks.carried import check_carried
from ..checks.first_iteration import FirstIteration
from ..checks.progress import check_progress
from ..checks.surge import check_surge
from .ags_statistics import AGSStatistics
from .non_finite_step_hook import NonFiniteStepHook


@HOOKS.register_module()
class AGSHook(NonFiniteStepHook):
    """Checks before training that every binary layer is compensated, and
    publishes AGS per stage.

    Into the message hub, and so into the JSON log and TensorBoard, go for
    each stage (``backbone.layer1``, ``neck.fpn_convs``, ...) the means over
    its layers: ``surge.lambda.<stage>``, ``surge.norm_b.<stage>``,
    ``surge.norm_a.<stage>`` and ``surge.cosine.<stage>``; and the totals
    ``surge.skipped_steps`` and ``surge.non_finite``. (No slashes: mmdet's
    ``analyze_logs.py`` takes a row with one for a validation.)

    The parts stand in files of their own: :mod:`surge_mmdet.engine.checks`
    refuses, :class:`AGSStatistics` publishes, :class:`NonFiniteStepHook`
    skips broken steps. This hook calls them, and closes the steps of AGS
    with running norms.

    Args:
        interval (int): Publish every so many iterations.
        exclude (Sequence[str]): Patterns of binary layers that are meant to
            be plain (``surge=None``).
        max_consecutive (int): See :class:`NonFiniteStepHook`.

    Raises:
        ValueError: If ``interval`` is not positive; before training, see
            :func:`check_surge`, :func:`check_progress` and
            :func:`check_carried`.
    """

    def __init__(self, interval: int = 10, exclude: tuple = (), max_consecutive: int = 50) -> None:
        super().__init__(max_consecutive)
        if interval < 1:
            raise ValueError(
                f'AGSHook: interval must be >= 1, got {interval}'
                ". Write ags=dict(type='surge_mmdet.AGSHook', "
                'interval=10).'
            )
        self.interval = interval
        self.exclude = tuple(exclude)

    def before_train(self, runner) -> None:
        """Refuse to train with SURGE silently off, then begin."""
        layers = check_surge(runner, self.exclude)
        check_progress(runner)
        check_carried(runner)
        super().before_train(runner)
        for layer in layers.values():
            layer.start()
        self._statistics = AGSStatistics(layers, self.interval)
        self._first_iteration = FirstIteration(layers, runner)
        self._running = running_scalers(bare_model(runner))
        for scaler in self._running:
            scaler.watched = True

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Ask for the cosine in iterations that will be published."""
        self._statistics.ask(runner.iter)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Publish the statistics of this iteration."""
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        self._first_iteration.close()
        if self._running and runner.optim_wrapper.should_update():
            close_steps(self._running, all_reduce)
        self._statistics.publish(runner.iter, runner.message_hub)
