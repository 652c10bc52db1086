"""Survives iterations whose gradients are NaN or infinite."""

from types import SimpleNamespace

import torch
from mmengine.hooks import Hook

from ...registry import HOOKS
from ..checks.resume import check_loaded

COUNT = 'surge/skipped_steps'


@HOOKS.register_module()
class NonFiniteStepHook(Hook):
    """Skips and counts optimiser steps with a non-finite gradient.

    MMEngine has no hook between backward and step, so this one uses
    PyTorch's own: ``Optimizer.register_step_pre_hook``. It works under any
    optimiser wrapper, also the one ``tools/train.py --amp`` puts in.

    The count is in the message hub (``train/surge.skipped_steps``) and
    survives a resume.

    Args:
        max_consecutive (int): Stop with a clear error after so many skipped
            steps in a row.
    """

    def __init__(self, max_consecutive: int = 50) -> None:
        self.max_consecutive = max_consecutive
        self._consecutive = self._guarded = 0
        self._rate = None
        self._handles = []

    def before_train(self, runner) -> None:
        """Watch every optimiser, which must hold moments of its own shapes."""
        check_loaded(runner)
        wrapper = runner.optim_wrapper
        wrappers = wrapper.values() if hasattr(wrapper, 'values') else [wrapper]
        for each in wrappers:
            # The config's rate, whatever a schedule has made of it.
            self._rate = each.optimizer.defaults.get('lr', 1e-3)
            if hasattr(each, 'loss_scaler'):
                self._watch_scaler(runner, each.loss_scaler)
            handle = each.optimizer.register_step_pre_hook(
                lambda optimizer, args, kwargs: self._guard(runner, optimizer)
            )
            self._handles.append(handle)

    def _watch_scaler(self, runner, scaler) -> None:
        """A GradScaler keeps a bad step from the optimiser: count it here."""
        scaler_step = scaler.step

        def step(optimizer, *args, **kwargs):
            guarded = self._guarded
            result = scaler_step(optimizer, *args, **kwargs)
            if self._guarded == guarded:
                self._skip(runner)
            return result

        scaler.step = step
        self._handles.append(SimpleNamespace(remove=lambda: vars(scaler).pop('step')))

    def after_train(self, runner) -> None:
        """Leave the optimisers as they were."""
        while self._handles:
            self._handles.pop().remove()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Publish the count, and stop a training that has diverged."""
        hub = runner.message_hub
        hub.update_scalar('train/surge.skipped_steps', self._count(hub))
        if self._consecutive >= self.max_consecutive:
            raise FloatingPointError(
                f'{self._consecutive} steps in a row had NaN or infinite '
                'gradients: the training has diverged. The last checkpoint '
                'is whole. Lower the learning rate (a --resume takes it with '
                'default_hooks.schedule.on_resume=config), for example '
                '--cfg-options optim_wrapper.optimizer.lr='
                f'{self._rate / 3:.1g}'
            )

    def _guard(self, runner, optimizer) -> None:
        self._guarded += 1
        if all_finite(optimizer):
            self._consecutive = 0
            return
        self._skip(runner)
        optimizer.zero_grad(set_to_none=True)

    def _skip(self, runner) -> None:
        self._consecutive += 1
        hub = runner.message_hub
        hub.update_info(COUNT, self._count(hub) + 1)
        runner.logger.warning(f'iteration {runner.iter + 1}: non-finite gradient, step skipped')

    @staticmethod
    def _count(hub) -> int:
        return hub.runtime_info.get(COUNT, 0)


def all_finite(optimizer) -> bool:
    """Whether no gradient that ``optimizer`` would step by is NaN or infinite."""
    gradients = [
        p.grad for group in optimizer.param_groups for p in group['params'] if p.grad is not None
    ]
    if not gradients:
        return True
    norms = torch._foreach_norm(gradients)
    return bool(torch.isfinite(torch.stack([n.float() for n in norms])).all())
