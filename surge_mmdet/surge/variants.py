"""Variants of AGS. They are ours, not the paper's; the default is its.

docs/surge_options.md tells what each was measured to do.
"""

from numbers import Real

import torch
from torch import Tensor, nn

from ..binarizers import pass_within
from .ags import (
    AdaptiveGradientScaler,
    add_scaled,
    gradient_scale,
    l2_norm,
)

MODES = ('batch', 'running')
COMBINATIONS = ('sum', 'blind', 'orthogonal', 'norm_preserving')
TINY = 1e-30
MOST_CALLS = 1000  # of one layer in one step; 64 micro-batches on 5 maps: 320


class ScalerVariant(AdaptiveGradientScaler):
    """AGS with other norms, another sum, or one lambda per channel.

    Args:
        eta, max_scale: As :class:`AdaptiveGradientScaler`.
        mode (str): ``batch`` (the paper) or ``running``: the norms are root
            mean squares over the steps before (exponential average), so that
            lambda is the same on every rank and in every micro-batch. It is
            0 in the first step. :meth:`close_step` ends a step; ``AGSHook``
            calls it. Where nobody does, lambda would stay 0, so the backward
            pass stops after :data:`MOST_CALLS` calls without one.
        momentum (float): Weight of the past in ``running``.
        combine (str): ``sum`` (the paper); ``blind``: g_a only where
            |x| > 1, where the clipped estimator passes nothing;
            ``orthogonal``: only the component of g_a orthogonal to g_b;
            ``norm_preserving``: the sum, brought back to the length of g_b,
            so that depth cannot multiply a growth of (1 + eta).
        per_channel (bool): One lambda per input channel.

    Attributes:
        running (Tensor): Mean ||g_b||^2, mean ||g_a||^2, closed steps.
        pending (Tensor): Sums of both squares, and calls, of the open step.
        watched (bool): Somebody has promised to close the steps.

    Raises:
        ValueError: For options out of range; the text shows the line.
        RuntimeError: In the backward pass, if nobody closes the steps of
            ``running``.

    Examples:
        >>> scaler = ScalerVariant(eta=0.5, combine='norm_preserving')
        >>> g_b, g_a = torch.tensor([3., 4.]), torch.tensor([4., 3.])
        >>> scaler.add(g_b, g_a, torch.zeros(2))[0].norm()
        tensor(5.)
    """

    def __init__(
        self,
        eta: float = 0.3,
        max_scale: float = 10.0,
        mode: str = 'batch',
        momentum: float = 0.9,
        combine: str = 'sum',
        per_channel: bool = False,
    ) -> None:
        super().__init__(eta, max_scale)
        _check(mode, momentum, combine, per_channel)
        self.mode, self.momentum = mode, float(momentum)
        self.combine, self.per_channel = combine, per_channel
        self.register_buffer('running', torch.zeros(3))
        self.register_buffer('pending', torch.zeros(3), persistent=False)
        self.watched = False
        self._open_calls = 0  # as pending[2], but read without a GPU's wait

    def add(self, g_b: Tensor, g_a: Tensor, x: Tensor) -> tuple:
        """Both gradients put together, and lambda."""
        g_a = self._select(g_b, g_a, x)
        scale = self(g_b, g_a)
        total = add_scaled(g_b, g_a, scale)
        if self.combine == 'norm_preserving':
            factor = l2_norm(g_b) / l2_norm(total).clamp(min=TINY)
            total.mul_(factor.to(total.dtype))
        return total, scale

    def _select(self, g_b: Tensor, g_a: Tensor, x: Tensor) -> Tensor:
        if self.combine == 'blind':
            return g_a - pass_within(g_a, x, 1.0)
        if self.combine == 'orthogonal':
            norm = l2_norm(g_b).clamp(min=TINY)
            unit = g_b.to(norm.dtype) / norm  # squares could overflow
            share = (g_a.to(norm.dtype) * unit).sum()
            return g_a - (share * unit).to(g_a.dtype)
        return g_a

    def _scale(self, norm_b, norm_a, g_b, g_a) -> Tensor:
        finite = torch.isfinite(norm_b) & torch.isfinite(norm_a)
        if self.mode == 'running':
            self._count_call()
            sums = torch.stack([norm_b, norm_a, torch.ones_like(norm_b)])
            squares = sums.float().square()  # may overflow: not taken
            self.pending += squares.masked_fill(~torch.isfinite(squares).all(), 0)
            norm_b, norm_a = self.running[:2].to(norm_b.dtype).sqrt()
        elif self.per_channel:
            dims = [d for d in range(g_b.dim()) if d != 1]
            norm_b, norm_a = (_channel_norm(g, dims) for g in (g_b, g_a))
        eta = self.eta * self.eta_factor
        return gradient_scale(norm_b, norm_a, eta, self.max_scale) * finite

    @torch.no_grad()
    def close_step(self, totals: Tensor) -> None:
        """Take the sums of a step, over calls and ranks, into the average.

        Args:
            totals (Tensor): :attr:`pending`, added up over all ranks.
        """
        norms, steps = self.running[:2], self.running[2]
        past = self.momentum * (steps > 0)
        new = past * norms + (1 - past) * totals[:2] / totals[2].clamp(min=1)
        taken = (totals[2] > 0) & torch.isfinite(new).all()
        norms.copy_(torch.where(taken, new, norms))  # both or none
        steps += taken
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

    def _apply(self, fn, recurse: bool = True):
        super()._apply(fn, recurse)
        self.running, self.pending = self.running.float(), self.pending.float()
        return self

    def extra_repr(self) -> str:
        return (
            f'{super().extra_repr()}, mode={self.mode}, combine='
            f'{self.combine}, per_channel={self.per_channel}'
        )


def _channel_norm(gradient: Tensor, dims: list) -> Tensor:
    dtype = torch.promote_types(gradient.dtype, torch.float32)
    return torch.linalg.vector_norm(gradient, dim=dims, keepdim=True, dtype=dtype)


def _check(mode, momentum, combine, per_channel) -> None:
    if not (isinstance(momentum, Real) and 0 <= momentum < 1):
        raise ValueError(
            f'SURGE: momentum must be in [0, 1), got '
            f"{momentum!r}. Write surge=dict(mode='running', "
            'momentum=0.9).'
        )
    for key, value, choices in (('mode', mode, MODES), ('combine', combine, COMBINATIONS)):
        if value not in choices:
            raise ValueError(
                f'SURGE: {key} must be one of {choices}, got '
                f'{value!r}. Write surge=dict({key}='
                f"'{choices[0]}')."
            )
    if not isinstance(per_channel, bool):
        raise ValueError(
            f'SURGE: per_channel must be True or False, got '
            f'{per_channel!r}. Write '
            'surge=dict(per_channel=True).'
        )
    if per_channel and mode == 'running':
        raise ValueError(
            "SURGE: per_channel=True needs mode='batch'. Write surge=dict(per_channel=True)."
        )


def running_scalers(model: nn.Module) -> list:
    """All scalers whose steps somebody has to close, of frozen layers too:
    they pass gradients on."""
    return [
        module
        for module in model.modules()
        if isinstance(module, ScalerVariant) and module.mode == 'running'
    ]


def close_steps(scalers: list, reduce=None) -> None:
    """End a step of all ``running`` scalers.

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
