"""AGS on the norms of earlier steps; ours, not the paper's."""

from typing import Callable, NamedTuple, Optional

import torch
from torch import Tensor, nn

from ..ags import AdaptiveGradientScaler
from ..config import SurgeConfig

MOST_CALLS = 1000  # of one layer in one step; 64 micro-batches on 5 maps: 320


class Sums(NamedTuple):
    """What the buffers hold; scalars.

    ``square_b``, ``square_a``: ||g_b||^2 and ||g_a||^2, as sums over the calls
    of an open step, or as means over closed steps; ``number``: how many.
    """

    square_b: Tensor
    square_a: Tensor
    number: Tensor


class RunningNormScaler(AdaptiveGradientScaler):
    """AGS whose norms are root mean squares over the steps before.

    lambda is then the same on every rank and in every micro-batch, and 0 in
    the first step. :meth:`close_step` ends a step; ``AGSHook`` calls it.
    Where nobody does, lambda would stay 0, so the backward pass stops after
    :data:`MOST_CALLS` calls without one.

    Args:
        config (SurgeConfig): ``eta``, ``max_scale`` and ``momentum`` of it.
        combine (Callable): As :class:`AdaptiveGradientScaler`.

    Attributes:
        running (Tensor): :class:`Sums` of the closed steps.
        pending (Tensor): :class:`Sums` of the open step's calls.
        watched (bool): Somebody has promised to close the steps.

    Raises:
        RuntimeError: In the backward pass, if nobody closes the steps.
    """

    running: Tensor
    pending: Tensor

    def __init__(self, config: Optional[SurgeConfig] = None, *args, **kwargs) -> None:
        config = config or SurgeConfig(mode='running')
        super().__init__(config, *args, **kwargs)
        self.momentum = float(config.momentum)
        self.register_buffer('running', torch.zeros(3))
        self.register_buffer('pending', torch.zeros(3), persistent=False)
        self.watched = False
        self._open_calls = 0  # as pending's count, but read without a GPU's wait

    def factor(self, norm_b: Tensor, norm_a: Tensor) -> Tensor:
        """lambda for the running norms; 0 where the mini-batch's are broken."""
        self._count_call()
        sums = torch.stack([norm_b, norm_a, torch.ones_like(norm_b)])
        squares = sums.float().square()  # may overflow: not taken
        self.pending += squares.masked_fill(~torch.isfinite(squares).all(), 0)
        finite = torch.isfinite(norm_b) & torch.isfinite(norm_a)
        past = Sums(*self.running.to(norm_b.dtype).unbind())
        return super().factor(past.square_b.sqrt(), past.square_a.sqrt()) * finite

    @torch.no_grad()
    def close_step(self, totals: Tensor) -> None:
        """Take the sums of a step, over calls and ranks, into the average.

        Args:
            totals (Tensor): :attr:`pending`, added up over all ranks.
        """
        old, step = Sums(*self.running.unbind()), Sums(*totals.unbind())
        past = self.momentum * (old.number > 0)
        calls = step.number.clamp(min=1)
        new = Sums(
            past * old.square_b + (1 - past) * step.square_b / calls,
            past * old.square_a + (1 - past) * step.square_a / calls,
            old.number + 1,
        )
        values = torch.stack(new)
        taken = (step.number > 0) & torch.isfinite(values).all()
        self.running.copy_(torch.where(taken, values, self.running))  # all or none
        self.pending.zero_()
        self._open_calls = 0

    def _count_call(self) -> None:
        self._open_calls += 1
        if self._open_calls > MOST_CALLS and not self.watched:
            raise RuntimeError(
                f"SURGE: mode='running' has had {MOST_CALLS} backward calls "
                'of one layer and no end of a step, so lambda does not '
                'change, and is 0 from the start. Write custom_hooks='
                "[dict(type='surge_mmdet.AGSHook')], or in a loop of your "
                'own call scaler.close_step(scaler.pending) after each '
                'optimiser step.'
            )


def running_scalers(model: nn.Module) -> list:
    """All scalers whose steps somebody has to close, of frozen layers too:
    they pass gradients on."""
    return [module for module in model.modules() if isinstance(module, RunningNormScaler)]


def close_steps(scalers: list, reduce: Optional[Callable] = None) -> None:
    """End a step of all running scalers.

    Args:
        scalers (list): As :func:`running_scalers` gives them.
        reduce (Callable | None): Sums a tensor over all ranks in place; one
            call for all scalers, then every rank has the same norms.
    """
    totals = torch.stack([scaler.pending for scaler in scalers])
    if reduce is not None:
        reduce(totals)
    for scaler, total in zip(scalers, totals, strict=True):
        scaler.close_step(total)
