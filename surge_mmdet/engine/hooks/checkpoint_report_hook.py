"""Says what a checkpoint brings, and whether it may be resumed."""

from mmengine.hooks import Hook

from ...deploy.checkpoint_loader import packed_source
from ...models import compare
from ...models.pretrained import check_fit, plain_names
from ...models.trained_as import other_precision
from ...registry import HOOKS
from ..bare_model import bare_model
from ..checks.resume import (
    RECORD,
    check_resume,
    is_resuming,
    kept_settings,
    method_differences,
    record_of,
)

TEST_LINE = (
    'Test it with the config it was trained with: tools/test.py '
    'work_dirs/<run>/<config>.py work_dirs/<run>/epoch_N.pth'
)


@HOOKS.register_module()
class CheckpointReportHook(Hook):
    """Logs matched, missing and left-over names of every loaded checkpoint.

    Keys of a real-valued detector are renamed where the binary structure
    differs (the pooled shortcuts of :class:`BinaryResNet`). Into the meta of
    each checkpoint that is saved go the method of each binary layer and the
    names in the optimizer's groups, by which a resume is judged.

    A packed file is checked where its weights are copied
    (:mod:`surge_mmdet.deploy.checkpoint_loader`).

    Raises:
        ValueError: If no tensor of the checkpoint fits the model, if its
            backbone is of another depth, if a resume would go on with
            another model, method or optimizer, if a test would run with
            weights that the checkpoint does not have, or has for a real
            detector in a binary one or the reverse, or if a training would
            start from a packed file.
    """

    priority = 'VERY_HIGH'
    _report, _packed, _problem = None, '', ''

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Rename and report; called before the weights are copied."""
        self._report, self._problem = None, ''
        self._packed = packed_source(checkpoint.get('state_dict'))
        if self._packed:
            self._refuse_packed(is_resuming(runner))
            return
        model, state_dict = bare_model(runner), plain_names(checkpoint)
        if not is_resuming(runner):  # what may be resumed has the model's own names
            state_dict = _real_names(model, state_dict)
        if 'state_dict' not in checkpoint:
            checkpoint.clear()
        checkpoint['state_dict'] = state_dict
        report = self._report = compare(model, state_dict)
        self._methods = method_differences(model, checkpoint, forward_only=True)
        self._problem = other_precision(model, checkpoint)
        if not report.matched:
            raise ValueError(
                f'the checkpoint does not fit {type(model).__name__}: '
                f'{report}. Name the checkpoint of this config: '
                'load_from=work_dirs/<this config>/epoch_N.pth'
            )
        if is_resuming(runner):
            check_resume(runner, checkpoint)
            _report_resume(runner, checkpoint)
        log = runner.logger.warning if report.other_shape else runner.logger.info
        log(f'Checkpoint: {report}')

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Record what a resume has to have again."""
        checkpoint['meta'][RECORD] = record_of(runner)

    def before_train(self, runner) -> None:
        """Refuse to train bits."""
        self._refuse_packed(bool(self._packed))

    def _refuse_packed(self, trains: bool) -> None:
        if trains:
            raise ValueError(
                f'{self._packed} is packed: it has no latent weights to train. Start from the '
                'checkpoint it was made of: load_from=work_dirs/<run>/epoch_N.pth'
            )

    def before_test(self, runner) -> None:
        """Refuse to test weights that are not the model's."""
        report = self._report
        if self._problem:
            raise ValueError(f'the checkpoint does not fit the model: {self._problem}. {TEST_LINE}')
        for difference in getattr(self, '_methods', ()):
            runner.logger.warning(f'Checkpoint: {difference}')
        if report and (report.missing or report.other_shape):
            raise ValueError(f'the checkpoint does not fit the model: {report}. {TEST_LINE}')


def _report_resume(runner, checkpoint: dict) -> None:
    """Say what a resume silently takes from the checkpoint, or lacks."""
    kept = kept_settings(runner, checkpoint)
    if kept:
        runner.logger.warning(
            f"A resume keeps the checkpoint's optimizer: {', '.join(kept)}. To train with the "
            "config's settings start anew, with --cfg-options load_from=<checkpoint> instead of "
            '--resume; for the learning rate alone write --cfg-options '
            'default_hooks.schedule.type=surge_mmdet.ScheduleHook '
            'default_hooks.schedule.on_resume=config'
        )
    if 'optimizer' not in checkpoint:
        runner.logger.warning(
            'The checkpoint has no state of its optimizer, whose moments start afresh. Write '
            'default_hooks=dict(checkpoint=dict(save_optimizer=True)).'
        )


def _real_names(model, state_dict: dict) -> dict:
    """Rename, and refuse a backbone of another depth."""
    for prefix, module in model.named_modules():
        if not hasattr(module, 'real_names'):
            continue
        start = f'{prefix}.' if prefix else ''
        own = {k[len(start) :]: v for k, v in state_dict.items() if k.startswith(start)}
        renamed = module.real_names(own)
        if renamed:
            check_fit(module, renamed, f"the checkpoint's {prefix or 'net'}")
        others = {k: v for k, v in state_dict.items() if not k.startswith(start)}
        state_dict = {**others, **{start + k: v for k, v in renamed.items()}}
    return state_dict
