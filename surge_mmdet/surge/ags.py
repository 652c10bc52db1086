"""AGS: the Adaptive Gradient Scaler of SURGE (arXiv 2605.10989)."""

import math
from numbers import Real

import torch
from torch import Tensor, nn

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


def guarded(gradient: Tensor, scale: Tensor) -> Tensor:
    """A copy of ``gradient``, exactly 0 (NaN too) where ``scale`` is 0.

    PyTorch's backward of the threshold function selects in one vectorised
    pass; ``masked_fill`` and ``where`` are several times slower on a CPU.
    """
    scale = scale.to(gradient.dtype).expand_as(gradient)
    return torch.ops.aten.threshold_backward(gradient, scale, 0)


def guarded_product(scale: Tensor, gradient: Tensor) -> Tensor:
    """``scale * gradient``, and exactly 0 (not NaN) where scale is 0."""
    return guarded(gradient, scale).mul_(scale.to(gradient.dtype))


def add_scaled(g_b: Tensor, g_a: Tensor, scale: Tensor) -> Tensor:
    """``g_b + scale * g_a``, guarded."""
    # Its memory takes the sum: no third tensor.
    total = guarded(g_a, scale).to(g_b.dtype)
    return torch.addcmul(g_b, total, scale.to(g_b.dtype), out=total)


class AdaptiveGradientScaler(nn.Module):
    """Scales the auxiliary gradient of one layer and keeps its statistics.

    Args:
        eta (float): Strength of the auxiliary gradient; 0 switches it off.
        max_scale (float): Upper bound of lambda.

    Attributes:
        statistics (Tensor): The newest values of :attr:`FIELDS`, float32;
            norms and cosine the newest finite ones, since the tensor goes
            into checkpoints and averages. ``cosine`` is only computed while
            :attr:`monitor` is true; ``steps`` and ``non_finite`` count calls
            since the start.
        finite (Tensor): 1 if both norms of the newest call were, else 0.
        eta_factor (float): Multiplies eta; a schedule sets it.
        monitor (bool): Whether to compute the cosine of both gradients,
            and to keep the values of each call in :attr:`recent`.
        recent (list[Tensor]): First four fields, one entry per call. A layer
            that runs on several maps (the RPN's) has a lambda for each.

    Raises:
        ValueError: If ``eta`` is negative or not finite, or if
            ``max_scale`` is not positive.
    """

    FIELDS = ('scale', 'norm_b', 'norm_a', 'cosine', 'steps', 'non_finite')

    def __init__(self, eta: float = 0.3, max_scale: float = 10.0) -> None:
        super().__init__()
        if not (isinstance(eta, Real) and math.isfinite(eta) and eta >= 0):
            raise ValueError(
                f'SURGE: eta must be finite and >= 0, got {eta!r}. Write surge=dict(eta=0.3).'
            )
        if not (isinstance(max_scale, Real) and max_scale > 0):
            raise ValueError(
                f'SURGE: max_scale must be > 0, got {max_scale!r}'
                '. Write surge=dict(eta=0.3, max_scale=10.0).'
            )
        self.eta = float(eta)
        self.max_scale = float(max_scale)
        self.eta_factor = 1.0
        self.monitor = False
        self.recent = []
        self.register_buffer('statistics', torch.zeros(len(self.FIELDS)))
        self.register_buffer('finite', torch.ones(()), persistent=False)

    @torch.no_grad()
    def forward(self, g_b: Tensor, g_a: Tensor) -> Tensor:
        """Return lambda for this mini-batch and record what it came from."""
        norm_b, norm_a = l2_norm(g_b), l2_norm(g_a)
        scale = self._scale(norm_b, norm_a, g_b, g_a)
        self._record(scale, norm_b, norm_a, g_b, g_a)
        return scale

    def add(self, g_b: Tensor, g_a: Tensor, x: Tensor) -> tuple:
        """``g_b + lambda g_a``, and lambda; ``x`` is the layer's input."""
        scale = self(g_b, g_a)
        return add_scaled(g_b, g_a, scale), scale

    def _scale(self, norm_b, norm_a, g_b, g_a) -> Tensor:
        eta = self.eta * self.eta_factor
        return gradient_scale(norm_b, norm_a, eta, self.max_scale)

    def last_was_finite(self) -> Tensor:
        """1 if both norms of the newest call were finite, else 0."""
        return self.finite.clone()

    def _record(self, scale, norm_b, norm_a, g_b, g_a) -> None:
        stats, values = self.statistics, [norm_b, norm_a]
        if self.monitor:
            dot = (g_b.to(norm_b.dtype) * g_a.to(norm_a.dtype)).sum()
            values.append(dot / (norm_b * norm_a).clamp(min=1e-30))
        self.finite.copy_(torch.isfinite(norm_b) & torch.isfinite(norm_a))
        new = torch.stack(values).to(stats.dtype)
        old = stats[1 : 1 + len(new)]
        stats[0] = scale.mean()
        old.copy_(torch.where(torch.isfinite(new), new, old))
        if self.monitor:
            self.recent.append(stats[:4].clone())
        stats[4] += 1
        stats[5] += 1 - self.finite

    def _apply(self, fn, recurse: bool = True):
        """Move with the model, but keep float32: the counters need it."""
        super()._apply(fn, recurse)
        self.statistics = self.statistics.float()
        self.finite = self.finite.float()
        return self

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        """Statistics are no weights: a checkpoint need not have them."""
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        name = prefix + 'statistics'
        missing_keys[:] = [key for key in missing_keys if key != name]

    def extra_repr(self) -> str:
        return f'eta={self.eta}, max_scale={self.max_scale}'
