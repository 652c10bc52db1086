"""Sine series (FDA-BNN)."""

import torch
from torch import Tensor

from ..ranges import check_positive, check_rising
from ..slope_activation import SlopeActivation
from ..slopes import sine_slope


class SignSine(SlopeActivation):
    r"""Sign with the derivative of a partial Fourier series of the square wave.

    .. math::
        Q(x) = sign(x), \qquad
        \frac{\partial Q}{\partial x} \approx
        \frac{4 \omega}{\pi} \sum_{i=0}^{n} \cos((2i + 1) \omega x)

    "Learning Frequency Domain Approximation for Binary Neural Networks" (Xu
    et al., NeurIPS 2021), equations 9 and 10; n grows from ``n_start`` to
    ``n_end`` over the training, the best of its settings. The text does not
    give :math:`\omega`; 0.1 makes the series a smooth hump, while with
    :math:`\pi / 2` it oscillates between -1 and 1. The paper's noise
    adaptation module is left out: it makes the training forward real-valued
    and does what SURGE's branch is for. The paper takes the sines for the
    weights too; here they follow the layer's own rule, by default
    :class:`ChannelMean` with the clipped straight-through estimator. The
    authors' MindSpore release, which evaluates, contains a plain
    straight-through estimator only.

    Args:
        omega (float): Frequency of the square wave.
        n_start (int): n at the start.
        n_end (int): n at the end.

    Raises:
        ValueError: Unless ``omega > 0`` and ``1 <= n_start <= n_end``.

    Examples:
        >>> import torch
        >>> SignSine().slope(torch.tensor([0.0, 0.5, 1.0]))
        tensor([1.2732, 1.0718, 0.5798])
    """

    scheduled = True

    def __init__(self, omega: float = 0.1, n_start: int = 9, n_end: int = 18) -> None:
        super().__init__()
        check_positive('SignSine', omega=omega)
        check_rising('SignSine', n_start=n_start, n_end=n_end)
        self.omega, self.n_start, self.n_end = omega, n_start, n_end

    def slope(self, u: Tensor) -> Tensor:
        """See :func:`sine_slope`."""
        n = self.n_start + torch.floor(self.progress * (self.n_end - self.n_start))
        return sine_slope(u, self.omega, n + 1)

    def extra_repr(self) -> str:
        return f'omega={self.omega}, n_start={self.n_start}, n_end={self.n_end}'
