"""AGS: the Adaptive Gradient Scaler of SURGE (arXiv 2605.10989)."""

from typing import Callable, NamedTuple, Optional

import torch
from torch import Tensor, nn

from .config import SurgeConfig
from .fused import add_scaled

EPS = 1e-8  # the paper's constant beside ||g_a||


def gradient_scale(norm_b: Tensor, norm_a: Tensor, eta: float, max_scale: float) -> Tensor:
    r"""Factor of the auxiliary gradient.

    .. math::
        \lambda = \eta \frac{\|g_b\|_2}{\|g_a\|_2 + 10^{-8}}

    and lambda = 0 where ``norm_a`` is zero or a norm is not finite, so that
    a dead branch or a broken step adds nothing.

    Args:
        norm_b (Tensor): Norm of the straight-through gradient, a scalar.
        norm_a (Tensor): Norm of the auxiliary gradient, a scalar.
        eta (float): Strength of the auxiliary gradient.
        max_scale (float): Upper bound of lambda.

    Returns:
        Tensor: Scalar on the norms' device; never a Python number.

    Examples:
        >>> two, four = torch.tensor(2.), torch.tensor(4.)
        >>> gradient_scale(two, four, eta=0.5, max_scale=10.)
        tensor(0.2500)
        >>> gradient_scale(two, torch.tensor(0.), eta=0.5, max_scale=10.)
        tensor(0.)
    """
    scale = (eta * norm_b / (norm_a + EPS)).clamp(max=max_scale)
    valid = torch.isfinite(norm_b) & torch.isfinite(norm_a) & (norm_a > 0)
    return torch.where(valid, scale, torch.zeros_like(scale))


def l2_norm(gradient: Tensor) -> Tensor:
    """Norm in float32 at least, whatever the compute type."""
    dtype = torch.promote_types(gradient.dtype, torch.float32)
    return torch.linalg.vector_norm(gradient, dtype=dtype)


class Statistics(NamedTuple):
    """What AGS knows of a layer; tensors, or floats once they are read.

    ``scale`` is lambda. ``cosine`` is only computed while the scaler's
    ``monitor`` is true; ``steps`` and ``non_finite`` count calls.
    """

    scale: Tensor
    norm_b: Tensor
    norm_a: Tensor
    cosine: Tensor
    steps: Tensor
    non_finite: Tensor


class AdaptiveGradientScaler(nn.Module):
    """AGS on the norms of this mini-batch.

    Scales the auxiliary gradient of one layer and keeps its statistics.

    Args:
        config (SurgeConfig): ``eta`` and ``max_scale`` of it.
        combine (Callable): Puts g_b, g_a and lambda together; the paper's
            sum by default.

    Attributes:
        statistics (Tensor): The newest values of :class:`Statistics`,
            float32; norms and cosine the newest finite ones, since the tensor
            goes into checkpoints and averages. :meth:`read` names them.
        finite (Tensor): 1 if both norms of the newest call were, else 0.
        eta_factor (float): Multiplies eta; a schedule sets it.
        monitor (bool): Whether to compute the cosine of both gradients,
            and to keep the values of each call for :meth:`take_calls`.
    """

    statistics: Tensor
    finite: Tensor

    def __init__(
        self, config: Optional[SurgeConfig] = None, combine: Callable = add_scaled
    ) -> None:
        super().__init__()
        config = self.config = config or SurgeConfig()
        self.eta, self.max_scale = float(config.eta), float(config.max_scale)
        self.combine = combine
        self.eta_factor = 1.0
        self.monitor = False
        self._calls: list = []
        self.register_buffer('statistics', torch.zeros(len(Statistics._fields)))
        self.register_buffer('finite', torch.ones(()), persistent=False)

    @torch.no_grad()
    def forward(self, g_b: Tensor, g_a: Tensor) -> Tensor:
        """Return lambda for this mini-batch and record what it came from."""
        norm_b, norm_a = l2_norm(g_b), l2_norm(g_a)
        scale = self.factor(norm_b, norm_a)
        self._record(scale, norm_b, norm_a, g_b, g_a)
        return scale

    def add(self, g_b: Tensor, g_a: Tensor) -> tuple:
        """``g_b + lambda g_a``, and lambda."""
        scale = self(g_b, g_a)
        return self.combine(g_b, g_a, scale), scale

    def factor(self, norm_b: Tensor, norm_a: Tensor) -> Tensor:
        """lambda for these norms of the mini-batch."""
        return gradient_scale(norm_b, norm_a, self.eta * self.eta_factor, self.max_scale)

    def last_was_finite(self) -> Tensor:
        """1 if both norms of the newest call were finite, else 0."""
        return self.finite.clone()

    def read(self) -> Statistics:
        """The newest statistics, each a scalar tensor."""
        return Statistics(*self.statistics.unbind())

    def take_calls(self) -> Optional[Statistics]:
        """Means over the calls that were monitored, as floats; forgets them.

        A layer that runs on several maps (the RPN's) has a lambda for each.
        None if there was no such call.
        """
        calls, self._calls = self._calls, []
        return Statistics(*torch.stack(calls).mean(0).tolist()) if calls else None

    def _record(self, scale, norm_b, norm_a, g_b, g_a) -> None:
        old, finite = self.read(), torch.isfinite(norm_b) & torch.isfinite(norm_a)
        self.finite.copy_(finite)
        cosine = old.cosine
        if self.monitor:
            dot = (g_b.to(norm_b.dtype) * g_a.to(norm_a.dtype)).sum()
            cosine = dot / (norm_b * norm_a).clamp(min=1e-30)
        new = Statistics(
            scale, norm_b, norm_a, cosine, old.steps + 1, old.non_finite + (1 - self.finite)
        )
        values = torch.stack([value.to(self.statistics.dtype) for value in new])
        self.statistics.copy_(torch.where(torch.isfinite(values), values, self.statistics))
        if self.monitor:
            self._calls.append(self.statistics.clone())

    def _apply(self, fn, recurse: bool = True):
        """Move with the model, but keep float32: the counters need it."""
        super()._apply(fn, recurse)
        for name, buffer in self.named_buffers(recurse=False):
            setattr(self, name, buffer.float())
        return self

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        """Statistics are no weights: a checkpoint need not have them."""
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        own = [prefix + name for name, _ in self.named_buffers(recurse=False)]
        missing_keys[:] = [key for key in missing_keys if key not in own]
        # Release 0.2 kept this buffer where no running norms were asked for.
        others = [key for key in unexpected_keys if key != f'{prefix}running']
        unexpected_keys[:] = others

    def extra_repr(self) -> str:
        changed = [
            f'{option.name}={getattr(self.config, option.name)!r}'
            for option in SurgeConfig.options()
            if getattr(self.config, option.name) != option.default
        ]
        return ', '.join([f'eta={self.eta}', *(c for c in changed if not c.startswith('eta='))])
