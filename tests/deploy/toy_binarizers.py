"""Binarizers of every form that packing meets: told, untold, wrong."""

import torch
from torch import nn

from surge_mmdet.binarizers import SignSTE, WeightBinarizer, binary_sign


class Threshold(SignSTE):
    """``sign(x - t)``, one t per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.linspace(-0.3, 0.4, channels))

    def transform(self, v):
        return v - self.threshold.view(1, -1, *[1] * (v.dim() - 2))

    def packed_form(self) -> tuple:
        return self.threshold, None


class PerFactor(SignSTE):
    """A factor per channel: no packed layer has that."""

    def __init__(self, channels):
        super().__init__()
        self.factor = nn.Parameter(torch.linspace(0.5, 1.5, channels))

    def forward(self, v):
        return super().forward(v) * self.factor.view(1, -1, *[1] * (v.dim() - 2))

    def packed_form(self):
        return None, self.factor


class Untold(SignSTE):
    """Its own forward, and says nothing of it."""

    def forward(self, v):
        return super().forward(v - 0.1)


class Wrong(SignSTE):
    """Says that there is a threshold where there is none."""

    def packed_form(self):
        return torch.tensor(0.5), None


class WholeMean(WeightBinarizer):
    """One scale for the whole layer."""

    def scale(self, u):
        return u.abs().mean()


class InputMean(WeightBinarizer):
    """One scale per input channel: not of the form alpha conv(sign, sign)."""

    def scale(self, u):
        return u.abs().mean((0, *range(2, u.dim())), keepdim=True)


class LearnedScale(WeightBinarizer):
    """Multiplies in its own forward, and says nothing of it."""

    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.linspace(0.5, 1.5, channels))

    def forward(self, v):
        return super().forward(v) * self.alpha.view(-1, *[1] * (v.dim() - 1))


class WrongScale(LearnedScale):
    """Says that it has no scale."""

    def decompose(self, weight):
        return binary_sign(weight), torch.ones(())


class ToldScale(LearnedScale):
    """The same, and says so."""

    def decompose(self, weight):
        return binary_sign(weight), self.alpha


TOYS = (
    Threshold,
    PerFactor,
    Untold,
    Wrong,
    WholeMean,
    InputMean,
    LearnedScale,
    WrongScale,
    ToldScale,
)
