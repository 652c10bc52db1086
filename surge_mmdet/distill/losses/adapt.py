"""A convolution between the student's maps and what is compared."""

from collections.abc import Iterable

import torch
from torch import nn


def adaptation(channels: int) -> nn.Conv2d:
    """A 3x3 convolution that changes nothing at its start.

    Published code draws its weights around 0 with a deviation of 1e-4, by
    which the student hears next to nothing until they have grown.
    """
    with torch.random.fork_rng(devices=[]):  # the student starts as it does without
        layer = nn.Conv2d(channels, channels, 3, padding=1)
    nn.init.dirac_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def by_level(layers: Iterable) -> nn.ModuleDict:
    """Modules by the number of their level, from pairs of both."""
    return nn.ModuleDict({str(level): layer for level, layer in layers})
