"""What a layer of a named method is made of: asked of the layer, not typed."""

from dataclasses import dataclass
from typing import Optional

from ...binarizers import Binarizer
from ...deploy.packed_layers import packed_twin
from ...layers import BinaryConv2d
from ...methods import METHODS, Method
from .labels import TWIN

CHANNELS, KERNEL = 8, 3  # of the layer that is asked; any would do


@dataclass(frozen=True)
class Facts:
    """What a method's layer says of itself.

    Args:
        activation, weight_rule (Binarizer): The layer's.
        learned (tuple): Names of what they learn.
        scheduled (tuple): Names of those that change over the training.
        bits (int): Of one input at inference.
        kept (str | None): Why it cannot be packed; None if it can.
    """

    activation: Binarizer
    weight_rule: Binarizer
    learned: tuple
    scheduled: tuple
    bits: int
    kept: Optional[str]


def facts(method: Method) -> Optional[Facts]:
    """Of a method's layer, without SURGE; None for real layers.

    Args:
        method (Method): Of the list.
    """
    if method.layer is None:
        return None
    options = {**method.policy()['layer'], 'surge': None}
    layer = BinaryConv2d(CHANNELS, CHANNELS, KERNEL, **options).eval()
    parts = (layer.activation, layer.weight_rule)
    return Facts(
        *parts,
        learned=tuple(name for part in parts for name, _ in part.named_parameters()),
        scheduled=tuple(type(part).__name__ for part in parts if part.scheduled),
        bits=layer.activation.bits,
        kept=_reason(layer),
    )


def _reason(layer: BinaryConv2d) -> Optional[str]:
    if not layer.fully_binary:
        rule = type(layer.weight_rule).__name__
        wide = layer.activation.bits > 1
        return (
            f'inputs take {layer.activation.bits} bits'
            if wide
            else f'{rule} keeps its weights real'
        )
    try:
        packed_twin(layer)
    except ValueError as error:
        return str(error)
    return None


def with_surge(method: Method) -> Optional[Method]:
    """The same method with SURGE on top, if the list has it beside this one."""
    return METHODS.get(f'{method.name}{TWIN}')


def paged_methods() -> list:
    """The methods that have a page; one with SURGE on top is on that of the other."""
    return [
        method
        for method in METHODS.values()
        if method.name.removesuffix(TWIN) == method.name
        or method.name.removesuffix(TWIN) not in METHODS
    ]
