"""Gradients that are large enough to turn a sign, and weights that never turned (OvSW)."""

import torch
from torch import Tensor, nn

from ..ranges import check_positive
from .learnable_scale import LearnableScale

LEAST_GRADIENT, LEAST_WEIGHT = 1e-6, 1e-3  # floors of both norms


class OvSW(LearnableScale):
    r"""A learned scale; between backward and step two changes of the gradient g.

    .. math::
        g_o \leftarrow g_o \max\Big(1, \frac{\lambda \|W_o\|}{\|g_o\|}\Big), \qquad
        g \leftarrow g + \gamma W \; 1\{s < \sigma\}, \qquad
        s \leftarrow m s + (1 - m) 1\{\text{the sign has changed}\}

    The first gives each output channel o a gradient that is not small beside
    its weights. The second pulls weights towards 0 that are silent: the
    running share s of steps in which their sign changed is small. It starts
    at 0. "OvSW: Overcoming Silent Weights for Accurate Binary Neural
    Networks" (Xiang et al., ECCV 2024), which calls them "Adaptive Gradient
    Scaling" (not SURGE's AGS) and "Silence Awareness Decaying". Forward
    and gradient are those of :class:`LearnableScale`; the paper's rules fit
    any estimator. SURGE's W_a is left alone. With Adam, whose step does not
    depend on the gradient's size, the first rule changes little.

    Args:
        channels (int): Output channels; the layer fills it in.
        shape (tuple): Of the weight; the layer fills it in.
        least_ratio (float): lambda.
        decay (float): gamma.
        silent (float): sigma.
        momentum (float): m.

    Raises:
        ValueError: Unless all options are positive, and ``momentum`` below 1.

    Examples:
        >>> rule = OvSW(1, (1, 2))
        >>> weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))
        >>> rule.start(weight)
        >>> weight.grad = torch.tensor([[0.003, 0.004]])
        >>> rule.before_step(weight)
        >>> weight.grad
        tensor([[0.0301, 0.0401]])
    """

    training_only = ('signs', 'tracker')
    signs: Tensor
    tracker: Tensor

    def __init__(
        self,
        channels: int,
        shape: tuple,
        least_ratio: float = 0.01,
        decay: float = 2e-5,
        silent: float = 1e-4,
        momentum: float = 0.999,
    ) -> None:
        super().__init__(channels)
        check_positive('OvSW', least_ratio=least_ratio, decay=decay, silent=silent)
        check_positive('OvSW', momentum=momentum, rest=1 - momentum)
        self.least_ratio, self.decay = least_ratio, decay
        self.silent, self.momentum = silent, momentum
        self.register_buffer('signs', torch.ones(shape, dtype=torch.bool))
        self.register_buffer('tracker', torch.zeros(shape))

    @torch.no_grad()
    def start(self, v: Tensor) -> None:
        """Remember the signs, beside the scale's start."""
        super().start(v)
        self.signs.copy_(v >= 0)
        self.tracker.zero_()

    @torch.no_grad()
    def before_step(self, weight: nn.Parameter) -> None:
        """Change the gradient, and see which signs the last step has changed."""
        gradient = weight.grad
        if gradient is None:
            return
        signs = weight >= 0
        self.tracker.lerp_((signs != self.signs).to(self.tracker.dtype), 1 - self.momentum)
        self.signs.copy_(signs)
        wide = (-1, *[1] * (weight.dim() - 1))
        size, own = (each.flatten(1).norm(dim=1).view(wide) for each in (weight, gradient))
        wanted = self.least_ratio * size.clamp(min=LEAST_WEIGHT)
        gradient.mul_((wanted / own.clamp(min=LEAST_GRADIENT)).clamp(min=1))
        gradient.add_(weight.masked_fill(self.tracker >= self.silent, 0), alpha=self.decay)

    def extra_repr(self) -> str:
        return (
            f'{super().extra_repr()}, least_ratio={self.least_ratio}, decay={self.decay}, '
            f'silent={self.silent}, momentum={self.momentum}'
        )
