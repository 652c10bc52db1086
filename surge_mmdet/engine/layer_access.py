"""The binary layers of a model, and how the hooks talk to them.

Nothing else of this package reads the inside of a layer or of its AGS.
"""

from typing import Optional

import torch
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


def start(layer: BinaryLayer) -> None:
    """Let W_a follow what became of the weight since the layer was built."""
    layer.start_aux_weight()


def newest(layer: BinaryLayer) -> dict:
    """The newest statistics of a layer's AGS: field -> number."""
    scaler = layer.ags
    return dict(zip(scaler.FIELDS, scaler.statistics.tolist(), strict=True))


def mean_over_calls(layer: BinaryLayer) -> Optional[dict]:
    """Means of the calls since :func:`monitor`, None if there was none.

    A layer that runs on several maps (the RPN's) has a lambda for each.
    """
    scaler = layer.ags
    if not scaler.recent:
        return None
    means = torch.stack(scaler.recent).mean(0).tolist()
    return dict(zip(scaler.FIELDS, means, strict=False))


def monitor(layer: BinaryLayer, on: bool) -> None:
    """Ask AGS for the cosine and for each call's values; forget the old."""
    if layer.compensated:
        layer.ags.monitor = on
        layer.ags.recent.clear()


def method_of(layer: BinaryLayer) -> str:
    """The classes that make a layer binary, as one word of a checkpoint."""
    rule = layer.weight_scale
    return f'{type(layer).__name__}({type(layer.activation).__name__}, {type(rule).__name__})'
