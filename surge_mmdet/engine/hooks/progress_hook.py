"""Tells binarizers and losses that change over a training how far it is."""

from mmengine.hooks import Hook

from ...registry import HOOKS
from ..bare_model import bare_model
from ..checks.progress import scheduled_modules


@HOOKS.register_module()
class ProgressHook(Hook):
    r"""Sets the progress of scheduled binarizers and losses before each iteration.

    .. math:: p = \min(t / T, 1)

    for iteration :math:`t = 0, 1, \dots` of :math:`T`. It only depends on
    the iteration, so that a resumed training goes on where it stopped.

    A module takes part if its attribute ``scheduled`` is true; its method
    ``set_progress(p)`` is called with p in [0, 1]. In a model without such
    modules the hook does nothing.
    """

    sets_progress = True

    def before_train(self, runner) -> None:
        """Collect the modules once."""
        self._modules = list(scheduled_modules(bare_model(runner)).values())

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Set this iteration's progress."""
        if not self._modules:
            return
        # A resume on smaller data may start beyond the end.
        progress = min(runner.iter / runner.max_iters, 1.0)
        for module in self._modules:
            module.set_progress(progress)
