"""Contestants of the step benchmarks: one binary model, trained otherwise.

All come from one config or layer, so that they differ in nothing else:
``fp32`` has real layers in place of the binary ones, ``ste`` plain binary
layers, ``ste-autograd`` the same in ordinary autograd, ``literal`` the
paper's formula in it, ``surge`` this package's, with any of its options.
"""

import ast
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Callable, Optional

from torch import Tensor, nn

from ..convert import replace_modules
from ..layers import BinaryConv2d, BinaryLayer
from ..layers.surge_options import check_options
from ..surge import ScalerVariant, literal_dpgc

LABELS = {
    'fp32': 'FP32',
    'ste': 'STE',
    'ste-autograd': 'STE, autograd',
    'literal': 'SURGE, literal',
    'surge': 'SURGE',
    'config': 'config',
}
EXAMPLE = '--contestants fp32 ste literal surge surge:branch=tied'
LITERAL_SCALE = 0.2  # constant: AGS's norms are known in backward only


def ordinary_forward(layer: BinaryLayer, x: Tensor) -> Tensor:
    """The plain binary layer, signs and weight rule as autograd functions."""
    return layer.op.forward(layer.activation(x), layer.weight_scale(layer.weight), layer.bias)


def literal_forward(layer: BinaryLayer, x: Tensor) -> Tensor:
    """``f_b + (lambda f_a - sg[lambda f_a])`` with a constant lambda.

    That is less than AGS asks for, since no norm is taken.
    """
    if not layer.compensated:
        return ordinary_forward(layer, x)
    layer.start_aux_weight()
    return literal_dpgc(
        x,
        layer.weight_scale(layer.weight),
        layer.aux_weight,
        layer.bias,
        layer.activation,
        layer.op,
        x.new_full((), LITERAL_SCALE),
    )


AUTOGRAD = {'ste-autograd': ordinary_forward, 'literal': literal_forward}


@dataclass(frozen=True)
class Contestant:
    """A way to train the binary layers of a model.

    Args:
        method (str): A key of :data:`LABELS`; ``config`` changes nothing.
        options (dict): Of SURGE, for every layer that has it; they come on
            top of those in the config.

    Examples:
        >>> Contestant.parse('surge:branch=tied,dtype=bfloat16').label
        'SURGE, branch=tied, dtype=bfloat16'
        >>> Contestant.parse('fp32').label
        'FP32'
    """

    method: str = 'config'
    options: dict = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> 'Contestant':
        """From ``METHOD`` or ``surge:KEY=VALUE,KEY=VALUE``.

        Raises:
            ValueError, TypeError: The text shows the corrected line.
        """
        method, colon, rest = text.partition(':')
        if method not in LABELS:
            near = get_close_matches(method.lower(), LABELS, 1, 0.3)
            raise ValueError(
                f'contestant {text!r}: unknown method {method!r}; known are '
                f'{", ".join(LABELS)}. Write --contestants '
                f'{(near or ["surge"])[0]}, or all of {EXAMPLE}'
            )
        if colon and method != 'surge':
            raise ValueError(
                f'contestant {text!r}: only surge has options. '
                f'Write --contestants {method} surge:{rest}'
            )
        options = dict(_option(text, part) for part in rest.split(',')) if colon else {}
        _check(text, options)
        return cls(method, options)

    @property
    def label(self) -> str:
        """Name in the tables."""
        return ', '.join([LABELS[self.method], *(f'{k}={v}' for k, v in self.options.items())])

    def build(self, make: Callable[[], nn.Module]) -> nn.Module:
        """The model that ``make`` builds, with this contestant's layers.

        Args:
            make (Callable): Builds a model with binary layers inside; a
                single layer has to be in a module, such as nn.Sequential.

        Raises:
            ValueError: If the model has no layer that could be changed.
        """
        with _surge_options(self._surge):
            model = make()
        layers = [m for m in model.modules() if isinstance(m, BinaryLayer)]
        self._check_layers(layers)
        if self.method == 'fp32':
            replace_modules(model, {m: real_twin(m) for m in layers})
        elif self.method in AUTOGRAD:
            for layer in layers:
                layer._binary_forward = partial(AUTOGRAD[self.method], layer)
        return model

    def _surge(self, surge: Optional[dict]) -> Optional[dict]:
        """What becomes of a layer's ``surge``; plain layers stay plain."""
        if self.method == 'config' or surge is None:
            return surge
        if self.method == 'surge':
            return {**surge, **self.options}
        if self.method == 'literal':
            return {**surge, 'branch': 'full', 'dtype': None}
        return None

    def _check_layers(self, layers: list) -> None:
        if self.method != 'config' and not layers:
            raise ValueError(
                f'{self.label}: the model has no binary layer. Name a config '
                'with one, such as configs/faster_rcnn/faster-rcnn_r18_'
                'fpn128_surge_12e_bccd.py, or write --contestants config'
            )
        if self.method in ('literal', 'surge') and not any(layer.compensated for layer in layers):
            raise ValueError(
                f'{self.label}: no layer of the model has SURGE. Name its '
                'surge config (ste and fp32 are made from it), or write '
                'policy=dict(layer=dict(surge=dict(eta=0.3)))'
            )


def _option(text: str, part: str) -> tuple:
    key, equals, value = part.partition('=')
    if not (key and equals and value):
        raise ValueError(
            f'contestant {text!r}: {part!r} is no option. Write '
            '--contestants surge:branch=tied,dtype=bfloat16'
        )
    try:
        return key, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return key, value  # a word


def _check(text: str, options: dict) -> None:
    try:
        ScalerVariant(**check_options(options).scaler)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f'contestant {text!r}: {error} Here: --contestants surge:KEY=VALUE,KEY=VALUE'
        ) from error


@contextmanager
def _surge_options(change: Callable):
    """While models are built, every binary layer gets ``change(surge)``.

    Policies, their overrides and defaults need not be known for that.
    """
    original = BinaryLayer._init_surge
    BinaryLayer._init_surge = lambda layer, surge: original(layer, change(surge))
    try:
        yield
    finally:
        BinaryLayer._init_surge = original


def real_twin(layer: BinaryLayer) -> nn.Module:
    """A real layer that shares the Parameters of a binary one."""
    bias, like = layer.bias is not None, dict(device=layer.weight.device, dtype=layer.weight.dtype)
    if isinstance(layer, BinaryConv2d):
        twin = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups,
            bias,
            layer.padding_mode,
            **like,
        )
    else:
        twin = nn.Linear(layer.in_features, layer.out_features, bias, **like)
    twin.weight, twin.bias = layer.weight, layer.bias
    return twin.train(layer.training)
