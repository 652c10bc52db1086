"""A classifier with a real stem, binary 3x3 convolutions and a real linear layer."""

from typing import Optional

from torch import Tensor, nn

from ...layers import BinaryConv2d
from .digits import CLASSES
from .regime import Regime

CHANNELS = 16


class Stage(nn.Module):
    """``act(norm(conv(x)) + x)``, or without ``+ x``."""

    def __init__(self, conv: nn.Module, shortcut: bool, gamma: float = 1.0) -> None:
        super().__init__()
        self.conv, self.shortcut = conv, shortcut
        self.norm, self.act = nn.BatchNorm2d(conv.out_channels), nn.PReLU(conv.out_channels)
        nn.init.constant_(self.norm.weight, gamma)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, but for the stem's channels."""
        out = self.norm(self.conv(x))
        return self.act(out + x if self.shortcut else out)


def build(regime: Regime, layer: Optional[dict]) -> nn.Sequential:
    """The network of a regime.

    Args:
        regime (Regime): Depth, shortcuts and the norms' start.
        layer (dict | None): Options of its :class:`BinaryConv2d`; None for
            real convolutions in their places.

    Returns:
        nn.Sequential: (N, 1, 8, 8) to (N, 10).
    """
    geometry = dict(kernel_size=3, padding=1, bias=False)
    kind, options = (nn.Conv2d, {}) if layer is None else (BinaryConv2d, layer)
    stem = Stage(nn.Conv2d(1, CHANNELS, **geometry), shortcut=False, gamma=regime.gamma)
    body = [
        Stage(kind(CHANNELS, CHANNELS, **geometry, **options), regime.shortcuts, regime.gamma)
        for _ in range(regime.depth)
    ]
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, CLASSES))
    return nn.Sequential(stem, *body, *head)


def middle_layers(network: nn.Sequential) -> list:
    """The convolutions that are or could be binary, from the first to the last."""
    return [stage.conv for stage in network if isinstance(stage, Stage)][1:]
