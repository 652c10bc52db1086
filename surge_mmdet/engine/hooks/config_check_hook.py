"""Catches disagreement between data, model and checkpoint in time."""

from typing import Optional

from mmengine.hooks import CheckpointHook, Hook

from ...datasets.class_order import compare_classes
from ...registry import HOOKS
from ..bare_model import bare_model
from ..checks.carried import check_carried
from ..checks.classes import (
    check_evaluator,
    check_order,
    check_parts,
    classes_of,
    configured_classes,
    same_set,
    saved_classes,
)
from ..checks.heads import check_heads
from ..checks.progress import check_progress
from ..checks.resume import is_resuming
from ..checks.teacher import check_teacher, tell_of_resume


@HOOKS.register_module()
class ConfigCheckHook(Hook):
    """Compares the classes of the data with the model and the checkpoint.

    Before a training, a validation and a test: ``num_classes`` of the heads,
    and the order of the classes in the data for training, validation and
    test, and in the checkpoint. A checkpoint that only starts a training may
    have other classes, but not the same ones in another order.

    Warns of ``max_keep_ckpts=1``: MMEngine removes the old checkpoint before
    it saves the next, so that a full disk or a kill then would leave none.

    Args:
        full_branch_beside_teacher (bool): Let a student train with SURGE's full,
            pointwise or lowrank branch and an eta above 0.1, which is refused
            otherwise. Its name is from when the full branch was refused with any.

    Raises:
        ValueError: If they disagree, or if what changes over the training, or
            has a loss or a step of its own, has no hook that tells or calls
            it; the text shows the corrected option.
    """

    priority = 'VERY_HIGH'

    def __init__(self, full_branch_beside_teacher: bool = False) -> None:
        self._full_branch = full_branch_beside_teacher
        self._saved = None
        self._resumed = self._trains = False

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Remember the classes; called before the weights are copied."""
        self._saved = saved_classes(checkpoint)
        self._resumed = is_resuming(runner)
        if self._resumed:
            tell_of_resume(runner)

    def before_train(self, runner) -> None:
        self._trains = True
        dataset = runner.train_dataloader.dataset
        own, test = classes_of(dataset), _configured(runner, 'test')
        loop = getattr(runner, 'val_loop', None)
        val = classes_of(loop.dataloader.dataset) if loop else _configured(runner, 'val')
        roles = dict(train=own, val=val)
        if self._resumed or same_set(self._saved, own):
            roles['checkpoint'] = self._saved
        if same_set(test, own):
            roles['test'] = test
        elif own and compare_classes(dict(train=own, test=test)):
            # Not needed for this training: a test would refuse it.
            runner.logger.warning(compare_classes(dict(train=own, test=test)))
        self._check(runner, dataset, roles)
        check_progress(runner)
        check_carried(runner)
        check_teacher(runner, self._full_branch)
        _warn_of_a_single_checkpoint(runner)

    def after_train(self, runner) -> None:
        self._trains = False

    def before_val(self, runner) -> None:
        self._judge(runner, 'val', runner.val_dataloader.dataset)

    def before_test(self, runner) -> None:
        self._judge(runner, 'test', runner.test_dataloader.dataset)

    def _judge(self, runner, role: str, dataset) -> None:
        """The checkpoint says what the labels mean, else the config."""
        own = classes_of(dataset)
        if self._trains:
            known = dict(train=classes_of(runner.train_dataloader.dataset))
        elif self._saved:
            known = dict(checkpoint=self._saved)
        else:
            known = dict(train=_configured(runner, 'train'))
        self._check(runner, dataset, {**known, role: own})
        check_evaluator(getattr(runner, f'{role}_evaluator', None), own)

    @staticmethod
    def _check(runner, dataset, roles: dict) -> None:
        check_parts(dataset)
        classes = classes_of(dataset)
        if classes is not None:
            check_heads(bare_model(runner), classes)
        check_order(roles)


def _configured(runner, role: str) -> Optional[tuple]:
    """The classes of a role's data as the config has them."""
    loader = getattr(runner, 'cfg', {}).get(f'{role}_dataloader') or {}
    return configured_classes(loader.get('dataset'))


def _warn_of_a_single_checkpoint(runner) -> None:
    if any(isinstance(hook, CheckpointHook) and hook.max_keep_ckpts == 1 for hook in runner.hooks):
        runner.logger.warning(
            'ConfigCheckHook: with max_keep_ckpts=1 the only checkpoint '
            'is removed before the next is saved. Write default_hooks='
            'dict(checkpoint=dict(max_keep_ckpts=2)).'
        )
