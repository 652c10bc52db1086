"""The binary layers of a model, and what the hooks ask of them."""

from torch import nn

from ..layers import BinaryLayer

# What a monitor shows of AGS: field of its statistics -> published word.
PUBLISHED = {'scale': 'lambda', 'norm_b': 'norm_b', 'norm_a': 'norm_a', 'cosine': 'cosine'}


def binary_layers(model: nn.Module) -> dict:
    """Every binary layer of ``model``, by its name."""
    return {name: each for name, each in model.named_modules() if isinstance(each, BinaryLayer)}


def compensated_layers(model: nn.Module) -> dict:
    """The binary layers that train with SURGE, by their names."""
    return {name: each for name, each in binary_layers(model).items() if each.compensated}


def monitor(layer: BinaryLayer, on: bool) -> None:
    """Ask AGS for the cosine and for each call's values; forget the old."""
    if layer.compensated:
        layer.ags.monitor = on
        layer.ags.take_calls()
