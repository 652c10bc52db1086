r"""How close an estimated gradient comes to that of the smoothed loss.

sign has no useful derivative, so every training of a binary network follows
an estimate. The yardstick here is the gradient of the Gaussian-smoothed loss

.. math::
    L_\sigma(x) = E_{u \sim N(0, I)} L(x + \sigma u)

in the input x of one binary layer, everything behind it included. It exists,
and antithetic Monte Carlo (Salimans et al., arXiv 1703.03864, section 2)
gives its products without bias: with :math:`d = (L(x + \sigma u) -
L(x - \sigma u)) / 2\sigma`,

.. math::
    \langle g, \nabla L_\sigma \rangle = E\, d \langle u, g \rangle, \qquad
    \|\nabla L_\sigma\|^2 \le E\, d^2,

so that the cosine printed is a lower bound, by the same factor for every
estimator g: all are measured on the same u, and the differences to the first
one are paired.
"""
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable

import torch
from torch import Tensor, nn

from ..layers import CompensatedLayer

BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Fidelity:
    """One estimator at one layer.

    Attributes:
        cosine (float): Of estimate and smoothed gradient, a lower bound.
        interval (tuple): Its 95 % interval (low, high), by bootstrap over
            the noise.
        difference (float): The cosine minus that of the first estimator.
        difference_interval (tuple): 95 %, from the same draws of the noise:
            narrower than two intervals side by side.
        error (float): ``||g - smoothed|| / ||smoothed||``.
        growth (float): ``||g|| / ||smoothed||``.
    """
    cosine: float
    interval: tuple
    difference: float
    difference_interval: tuple
    error: float
    growth: float


@contextmanager
def probed(layer: nn.Module, offset: Tensor):
    """Add ``offset`` to the input of ``layer``, and to nothing else."""
    handle = layer.register_forward_pre_hook(
        lambda module, args: (args[0] + offset, *args[1:]))
    try:
        yield
    finally:
        handle.remove()


def input_shape(layer: nn.Module, loss: Callable) -> torch.Size:
    """Shape of what ``layer`` gets in ``loss()``."""
    shapes = []
    handle = layer.register_forward_pre_hook(
        lambda module, args: shapes.append(args[0].shape))
    try:
        with torch.no_grad():
            loss()
    finally:
        handle.remove()
    if len(shapes) != 1:
        raise ValueError(f'the layer runs {len(shapes)} times in the loss; '
                         'choose one that runs once, by --layers')
    return shapes[0]


def estimate(layer: nn.Module, loss: Callable, shape: torch.Size) -> Tensor:
    """Gradient of the loss to the layer's input, by backpropagation."""
    offset = torch.zeros(shape, requires_grad=True)
    with probed(layer, offset):
        return torch.autograd.grad(loss(), offset)[0].detach()


def measure(layer: nn.Module, loss: Callable, estimates: dict, sigma: float,
            samples: int, generator: torch.Generator) -> dict:
    """Compare estimates at one layer with the smoothed gradient.

    Args:
        layer (nn.Module): Whose input is perturbed.
        loss (Callable): The loss of one fixed batch, deterministic.
        estimates (dict): Name to gradient, as :func:`estimate` gives it.
        sigma (float): Standard deviation of the noise.
        samples (int): Pairs of evaluations.
        generator (torch.Generator): Source of the noise.

    Returns:
        dict[str, Fidelity]: By name.
    """
    names = list(estimates)
    slopes, products = [], []
    for _ in range(samples):
        noise = torch.randn(estimates[names[0]].shape, generator=generator)
        with torch.no_grad():
            ends = []
            for sign in (1, -1):
                with probed(layer, sign * sigma * noise):
                    ends.append(loss().double())
        slopes.append((ends[0] - ends[1]) / (2 * sigma))
        products.append(torch.stack([
            (noise * estimates[name]).sum().double() for name in names]))
    found = _Correlation(torch.stack(slopes), torch.stack(products))
    return {name: found.fidelity(i) for i, name in enumerate(names)}


class _Correlation:
    """Cosines of all estimators on the same noise, and their spread."""

    def __init__(self, slopes: Tensor, products: Tensor) -> None:
        self.slopes, self.products = slopes, products
        self.all = torch.arange(len(slopes))
        self.draws = torch.randint(
            len(slopes), (BOOTSTRAPS, len(slopes)),
            generator=torch.Generator().manual_seed(0))

    def fidelity(self, column: int) -> Fidelity:
        cosine = self._cosine(self.all, column)
        base = self._cosine(self.all, 0)
        drawn = self._cosine(self.draws, column)
        growth = self._length(self.all, column)
        error = (growth.square() - 2 * growth * cosine + 1).clamp(min=0)
        return Fidelity(
            cosine.item(), _interval(drawn), (cosine - base).item(),
            _interval(drawn - self._cosine(self.draws, 0)),
            error.sqrt().item(), growth.item())

    def _cosine(self, rows: Tensor, column: int) -> Tensor:
        d, p = self.slopes[rows], self.products[rows, column]
        # E <u, g>^2 = ||g||^2: from the same samples, its noise cancels.
        return (d * p).mean(-1) / (_rms(p) * _rms(d)).clamp(min=1e-30)

    def _length(self, rows: Tensor, column: int) -> Tensor:
        return (_rms(self.products[rows, column]) /
                _rms(self.slopes[rows]).clamp(min=1e-30))


def _rms(values: Tensor) -> Tensor:
    return values.square().mean(-1).sqrt()


def _interval(values: Tensor) -> tuple:
    bounds = torch.tensor([0.025, 0.975], dtype=torch.double)
    return tuple(values.quantile(bounds).tolist())


@contextmanager
def estimator(model: nn.Module, binarizer=None, eta: float = None,
              fixed: float = None):
    """Let all compensated layers of ``model`` use another estimator.

    Args:
        model (nn.Module): With SURGE.
        binarizer (ActivationBinarizer | None): Surrogate in place of each
            layer's own.
        eta (float | None): Strength of SURGE in place of each layer's own;
            0 is the surrogate alone.
        fixed (float | None): A constant lambda: DPGC without AGS.
    """
    layers = [m for m in model.modules()
              if isinstance(m, CompensatedLayer) and m.compensated]
    before = [(m.activation, m.ags.eta) for m in layers]
    try:
        for layer in layers:
            layer.activation = binarizer or layer.activation
            layer.ags.eta = layer.ags.eta if eta is None else eta
            if fixed is not None:
                layer.ags.add = _constant(fixed)
        yield
    finally:
        for layer, (activation, own) in zip(layers, before, strict=True):
            layer.activation, layer.ags.eta = activation, own
            vars(layer.ags).pop('add', None)


def _constant(scale: float) -> Callable:
    return lambda g_b, g_a, x: (g_b + scale * g_a, g_b.new_tensor(scale))
