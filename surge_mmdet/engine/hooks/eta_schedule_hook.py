"""SURGE's strength over the iterations of a training."""

import math

from mmengine.hooks import Hook

from ...registry import HOOKS
from ..bare_model import bare_model
from ..layer_access import compensated_layers


@HOOKS.register_module()
class EtaScheduleHook(Hook):
    """Linear warm-up and cosine decay of eta, by iteration.

    ``eta(t) = eta * factor(t)``. The factor only depends on the iteration,
    so that a resumed training goes on where it stopped. Ours, not the
    paper's, whose eta is constant.

    Args:
        warmup (int): Iterations in which the factor rises from 0 to 1.
        final (float): Factor at the end; 1 (default) for no decay.

    Raises:
        ValueError: If ``warmup`` or ``final`` is negative.

    Examples:
        >>> EtaScheduleHook(warmup=10, final=0.0).factor(5, 110)
        0.5
        >>> round(EtaScheduleHook(warmup=10, final=0.0).factor(60, 110), 6)
        0.5
    """

    def __init__(self, warmup: int = 0, final: float = 1.0) -> None:
        if warmup < 0 or final < 0:
            raise ValueError(
                f'EtaScheduleHook: warmup={warmup} and final={final} must be '
                ">= 0. Write dict(type='surge_mmdet.EtaScheduleHook', "
                'warmup=500, final=0.0).'
            )
        self.warmup, self.final = warmup, final

    def factor(self, iteration: int, total: int) -> float:
        """What eta is multiplied by in ``iteration`` of ``total``."""
        if iteration < self.warmup:
            return iteration / self.warmup
        done = (iteration - self.warmup) / max(total - self.warmup, 1)
        fall = (1 + math.cos(math.pi * min(done, 1.0))) / 2
        return self.final + (1 - self.final) * fall

    def before_train(self, runner) -> None:
        """Collect the scalers once, and hold the warm-up against the training."""
        if self.warmup > runner.max_iters:
            runner.logger.warning(
                f'EtaScheduleHook: the warm-up of {self.warmup} iterations is longer than the '
                f'training of {runner.max_iters}, so eta never comes to its full strength. Write '
                f"dict(type='surge_mmdet.EtaScheduleHook', warmup={max(runner.max_iters // 10, 1)})"
            )
        self._scalers = [layer.ags for layer in compensated_layers(bare_model(runner)).values()]

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Set this iteration's factor."""
        factor = self.factor(runner.iter, runner.max_iters)
        for scaler in self._scalers:
            scaler.eta_factor = factor
        runner.message_hub.update_scalar('train/surge.eta_factor', factor)
