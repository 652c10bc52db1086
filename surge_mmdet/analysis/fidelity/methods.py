"""The gradients of several methods, on the weights of one model."""

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ...convert import swap
from ...layers import BinaryLayer
from ...layers.binary_layer import DEFAULT_ACTIVATION
from ...methods import METHODS, Method
from ...surge import AdaptiveGradientScaler
from .measure import estimate, input_shape, measure

# DPGC without AGS, beside the list of methods: nobody should train so.
DPGC_ALONE = replace(METHODS['surge'], name='dpgc', label='DPGC, lambda 1')
MEASURED = tuple(
    METHODS.get(name, DPGC_ALONE)
    for name in ('ste', 'polynomial', 'dpgc', 'surge', 'polynomial-surge')
)


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


SCALERS: Mapping[str, Callable] = MappingProxyType({DPGC_ALONE.name: lambda: ConstantScaler(1.0)})


def twin_by(layer: BinaryLayer, method: Method) -> BinaryLayer:
    """The layer as ``method`` trains it, on its W_b and its W_a.

    The surrogate is the method's, the options of SURGE are the layer's: they
    are what W_a was trained with. Running norms become those of the
    mini-batch, since there are no steps before.

    Args:
        layer (BinaryLayer): With SURGE, started; stays as it is.
        method (Method): Of :data:`MEASURED`.
    """
    own = layer.options
    options = dict(surge=dict(own['surge'], mode='batch') if method.has_surge else None)
    activation = method.policy()['layer'].get('activation', DEFAULT_ACTIVATION)
    if activation != own['activation']:  # what is not named keeps what it has learnt
        options['activation'] = activation
    twin = layer.twin(**options)
    twin.start()  # or its first step would start W_a again
    if method.has_surge:
        twin.aux_weight = layer.aux_weight
        twin.ags = SCALERS.get(method.name, lambda: twin.ags)()
    return twin


@contextmanager
def trained_by(model: nn.Module, method: Method):
    """Let all layers of ``model`` with SURGE be their twins for a while."""

    def twin_of(_, module):
        if isinstance(module, BinaryLayer) and module.compensated:
            return twin_by(module, method)

    found = swap(model, twin_of)
    before = {new: old for old, new in found.values()}
    try:
        yield
    finally:
        swap(model, lambda _, module: before.get(module))


def gradients(model: nn.Module, name: str, loss: Callable, shape: torch.Size) -> dict:
    """Label to the gradient in one layer's input, of all :data:`MEASURED`."""
    found = {}
    for method in MEASURED:
        with trained_by(model, method):
            found[method.label] = estimate(model.get_submodule(name), loss, shape)
    return found


def compare(
    model: nn.Module, name: str, loss: Callable, sigma: float, samples: int, generator
) -> dict:
    """All :data:`MEASURED` at one layer, against the smoothed gradient.

    Args:
        model (nn.Module): With SURGE.
        name (str): One of its layers, as :func:`choose_layers` gives them.
        loss, sigma, samples, generator: As :func:`measure`.

    Returns:
        dict[str, Fidelity]: By label.
    """
    layer = model.get_submodule(name)
    found = gradients(model, name, loss, input_shape(layer, loss))
    return measure(layer, loss, found, sigma, samples, generator)
