"""Estimators of the gradient of sign, on the weights of one model."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Optional

from torch import Tensor, nn

from ...layers import BinaryLayer
from ...layers.binary_layer import DEFAULT_ACTIVATION
from ...methods import METHODS, Method
from ...surge import AdaptiveGradientScaler
from ...surge.extensions import running_scalers
from .measure import estimate, input_shape, measure


class ConstantScaler(AdaptiveGradientScaler):
    """DPGC without AGS: lambda is a constant.

    Args:
        scale (float): lambda.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def factor(self, norm_b: Tensor, norm_a: Tensor) -> Tensor:
        """lambda, whatever the norms."""
        return norm_b.new_tensor(self.scale)


@dataclass(frozen=True)
class Estimator:
    """How all layers with SURGE estimate their gradient.

    Args:
        label (str): In the tables.
        activation (dict | None): The surrogate; None for each layer's own.
        eta (float | None): Strength of SURGE, 0 for the surrogate alone;
            None for each layer's own.
        constant (float | None): A constant lambda: DPGC without AGS.
    """

    label: str
    activation: Optional[dict] = None
    eta: Optional[float] = None
    constant: Optional[float] = None

    @classmethod
    def of(cls, method: Method) -> 'Estimator':
        """That of a method, on the W_a and with the options of the layers."""
        activation = method.policy()['layer'].get('activation', DEFAULT_ACTIVATION)
        return cls(method.label, activation, None if method.has_surge else 0.0)

    @contextmanager
    def used_by(self, model: nn.Module):
        """Let all compensated layers of ``model`` use this estimator."""
        layers = [m for m in model.modules() if isinstance(m, BinaryLayer) and m.compensated]
        before = [(layer.activation, layer.ags, layer.ags.eta) for layer in layers]
        running = running_scalers(model)
        try:
            for scaler in running:  # without steps before, lambda would be 0
                scaler.active = False
            for layer in layers:
                self._set(layer)
            yield
        finally:
            for layer, (activation, ags, eta) in zip(layers, before, strict=True):
                layer.activation, layer.ags, layer.ags.eta = activation, ags, eta
            for scaler in running:
                scaler.active = True

    def _set(self, layer: BinaryLayer) -> None:
        if self.activation is not None:
            layer.activation = layer.twin(activation=self.activation, surge=None).activation
        if self.eta is not None:
            layer.ags.eta = self.eta
        if self.constant is not None:
            layer.ags = ConstantScaler(self.constant)


ESTIMATORS = MappingProxyType(
    {
        estimator.label: estimator
        for estimator in (
            Estimator.of(METHODS['ste']),
            Estimator.of(METHODS['polynomial']),
            Estimator('DPGC, lambda 1', DEFAULT_ACTIVATION, constant=1.0),
            Estimator.of(METHODS['surge']),
            Estimator.of(METHODS['polynomial-surge']),
        )
    }
)


def compare(
    model: nn.Module, layer: nn.Module, loss: Callable, sigma: float, samples: int, generator
) -> dict:
    """All :data:`ESTIMATORS` at one layer, against the smoothed gradient.

    Args:
        model (nn.Module): With SURGE.
        layer (nn.Module): One of its layers.
        loss, sigma, samples, generator: As :func:`measure`.

    Returns:
        dict[str, Fidelity]: By label.
    """
    shape, estimates = input_shape(layer, loss), {}
    for label, estimator in ESTIMATORS.items():
        with estimator.used_by(model):
            estimates[label] = estimate(layer, loss, shape)
    return measure(layer, loss, estimates, sigma, samples, generator)
