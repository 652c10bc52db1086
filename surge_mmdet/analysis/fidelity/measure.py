r"""How close an estimated gradient comes to that of the smoothed loss.

sign has no useful derivative, so every training of a binary network follows
an estimate. The yardstick here is the gradient of the Gaussian-smoothed loss

.. math::
    L_\sigma(x) = E_{u \sim N(0, I)} L(x + \sigma u)

in the input x of one binary layer, everything behind it included. Along the
unit vector :math:`\hat g` of an estimate its slope is measured by antithetic
Monte Carlo (Salimans et al., arXiv 1703.03864, section 2),

.. math::
    \langle \hat g, \nabla L_\sigma \rangle \approx E_u \frac{
        L(x + \sigma u + h \hat g) - L(x + \sigma u - h \hat g)}{2 h},

and its length is bounded from above by that of random directions,
:math:`\|\nabla L_\sigma\|^2 \le E d^2` with :math:`d = (L(x + \sigma u) -
L(x - \sigma u)) / 2\sigma`. So the cosine printed is too small, by the same
factor for every method. Slopes are taken on the same u, so that their
differences are paired, and need no bound: the steeper estimate is the better.
The intervals are those of the noise on one batch, not of batches.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable

import torch
from torch import Tensor, nn

BOOTSTRAPS = 1000
STEP = 0.2  # shift of a coordinate that matters, in sigmas
TINY = 1e-30


@dataclass(frozen=True)
class Fidelity:
    """One method at one layer; intervals are 95 %, by bootstrap over u.

    Attributes:
        slope (float): Of the smoothed loss along the normalised estimate.
        slope_interval (tuple): (low, high).
        difference (float): The slope minus that of the first method;
            above 0 the estimate is closer to the smoothed gradient.
        difference_interval (tuple): From the same draws of the noise.
        cosine (float): Of estimate and smoothed gradient, or smaller in
            size, since the smoothed length is bounded from above.
        error (float): ``||g - smoothed|| / ||smoothed||`` with that bound:
            above 0 for the exact gradient of a curved loss too.
        growth (float): ``||g|| / ||smoothed||``, a lower bound.
    """

    slope: float
    slope_interval: tuple
    difference: float
    difference_interval: tuple
    cosine: float
    error: float
    growth: float


@contextmanager
def probed(layer: nn.Module, offset: Tensor):
    """Add ``offset`` to the input of ``layer``, and to nothing else."""
    handle = layer.register_forward_pre_hook(lambda module, args: (args[0] + offset, *args[1:]))
    try:
        yield
    finally:
        handle.remove()


def input_shape(layer: nn.Module, loss: Callable) -> torch.Size:
    """Shape of what ``layer`` gets in ``loss()``."""
    shapes = []
    handle = layer.register_forward_pre_hook(lambda module, args: shapes.append(args[0].shape))
    try:
        with torch.no_grad():
            loss()
    finally:
        handle.remove()
    if len(shapes) != 1:
        raise ValueError(
            f'the layer runs {len(shapes)} times in the loss. Measure one that runs once, as '
            'choose_layers(model, loss, [], 5) gives them.'
        )
    return shapes[0]


def estimate(layer: nn.Module, loss: Callable, shape: torch.Size) -> Tensor:
    """Gradient of the loss to the layer's input, by backpropagation."""
    offset = torch.zeros(shape, requires_grad=True)
    with probed(layer, offset):
        return torch.autograd.grad(loss(), offset)[0].detach()


def measure(
    layer: nn.Module,
    loss: Callable,
    estimates: dict,
    sigma: float,
    samples: int,
    generator: torch.Generator,
) -> dict:
    """Compare estimates at one layer with the smoothed gradient.

    Args:
        layer (nn.Module): Whose input is perturbed.
        loss (Callable): The loss of one fixed batch, deterministic.
        estimates (dict): Name to gradient, as :func:`estimate` gives it.
        sigma (float): Standard deviation of the noise.
        samples (int): Draws of the noise; each takes 2 evaluations, and 2
            for every estimate.
        generator (torch.Generator): Source of the noise.

    Returns:
        dict[str, Fidelity]: By name.
    """
    first = next(iter(estimates.values()))
    lengths, steps, shifts = zip(*(_shift(g, sigma) for g in estimates.values()), strict=True)
    rates, slopes = [], []
    for _ in range(samples):
        noise = sigma * torch.randn(first.shape, generator=generator)
        rates.append(_rise(layer, loss, 0, noise) / (2 * sigma))
        slopes.append(
            torch.stack(
                [
                    _rise(layer, loss, noise, shift) / (2 * step)
                    for step, shift in zip(steps, shifts, strict=True)
                ]
            )
        )
    found = _Slopes(torch.stack(rates), torch.stack(slopes), torch.stack(lengths))
    return {name: found.fidelity(i) for i, name in enumerate(estimates)}


def _shift(estimate: Tensor, sigma: float) -> tuple:
    """Length of an estimate, length h of the shift along it, and the shift.

    The coordinates that make up the estimate move by about STEP sigma each,
    however few they are: h counts them by their participation ratio,
    ``1 / sum g_i^4`` of the unit vector.
    """
    length = estimate.double().norm()
    unit = estimate / length.clamp(min=TINY)
    step = STEP * sigma / unit.double().pow(4).sum().clamp(min=TINY).sqrt()
    return length, step, (step * unit).to(estimate.dtype)


@torch.no_grad()
def _rise(layer: nn.Module, loss: Callable, centre, shift: Tensor) -> Tensor:
    """Loss at ``centre + shift`` minus that at ``centre - shift``."""
    ends = []
    for offset in (centre + shift, centre - shift):
        with probed(layer, offset):
            ends.append(loss().double())
    return ends[0] - ends[1]


class _Slopes:
    """Slopes (samples, estimates), and rates (samples, ) at random."""

    def __init__(self, rates: Tensor, slopes: Tensor, lengths: Tensor) -> None:
        self.rates, self.slopes, self.lengths = rates, slopes, lengths
        self.draws = torch.randint(
            len(rates), (BOOTSTRAPS, len(rates)), generator=torch.Generator().manual_seed(0)
        )

    def fidelity(self, column: int) -> Fidelity:
        means = self.slopes.mean(0)
        drawn = self.slopes[self.draws].mean(1)
        smoothed = self.rates.square().mean().sqrt().clamp(min=TINY)
        cosine = means[column] / smoothed
        growth = self.lengths[column] / smoothed
        error = (growth.square() - 2 * growth * cosine + 1).clamp(min=0)
        return Fidelity(
            means[column].item(),
            _interval(drawn[:, column]),
            (means[column] - means[0]).item(),
            _interval(drawn[:, column] - drawn[:, 0]),
            cosine.item(),
            error.sqrt().item(),
            growth.item(),
        )


def _interval(values: Tensor) -> tuple:
    bounds = torch.tensor([0.025, 0.975], dtype=torch.double)
    return tuple(values.quantile(bounds).tolist())
