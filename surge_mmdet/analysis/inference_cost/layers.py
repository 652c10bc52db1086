"""Single layers of detectors: their sizes, and the same layer real and of signs."""

from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DEPTH = 4  # residual layers in a chain
SLOPE = 0.25


class Geometry(NamedTuple):
    """A layer and its input; ``rows`` makes it a linear one."""

    channels: int
    outputs: int
    height: int = 0
    width: int = 0
    kernel: int = 3
    stride: int = 1
    rows: int = 0

    @property
    def square(self) -> bool:
        """Whether one such layer can follow another."""
        return self.channels == self.outputs and self.stride == 1

    @property
    def input_shape(self) -> tuple:
        """Of one image, or of the rows."""
        if self.rows:
            return self.rows, self.channels
        return 1, self.channels, self.height, self.width

    @property
    def macs(self) -> int:
        """Products of one layer, those with the padding included."""
        if self.rows:
            return self.rows * self.channels * self.outputs
        pixels = -(-self.height // self.stride) * -(-self.width // self.stride)
        return pixels * self.channels * self.outputs * self.kernel**2


def _conv3x3(*sizes: tuple) -> dict:
    return {f'{c}x{h}x{w}': Geometry(c, c, h, w) for c, h, w in sizes}


RESNET = _conv3x3((64, 60, 80), (128, 30, 40), (256, 15, 20), (512, 8, 10))
DETECTOR = _conv3x3((64, 152, 256), (128, 76, 128), (256, 38, 64), (512, 19, 32))


class LayerSet(NamedTuple):
    """Layers that make one table."""

    title: str
    layers: dict
    residual: bool = False


SETS = {
    'conv3x3': LayerSet('3x3 convolutions of ResNet-18 at 320x240', RESNET),
    'residual': LayerSet(
        f'prelu(conv + bias + x) and the next signs, a chain of {DEPTH}, per layer', RESNET, True
    ),
    'other': LayerSet(
        'Other layers',
        {
            '1x1, 256 to 128, 30x40': Geometry(256, 128, 30, 40, kernel=1),
            '3x3 stride 2, 64 to 128, 60x80': Geometry(64, 128, 60, 80, stride=2),
            '3x3, 48 channels, 60x80': Geometry(48, 48, 60, 80),
            '3x3, 100 channels, 30x40': Geometry(100, 100, 30, 40),
            'linear, 1024 to 1024, 1000 rows': Geometry(1024, 1024, rows=1000),
        },
    ),
    'detector': LayerSet('3x3 convolutions of ResNet-18 at 1024x608', DETECTOR),
    'detector-residual': LayerSet(
        f'The same as residual layers, a chain of {DEPTH}, per layer', DETECTOR, True
    ),
}
DEFAULT_SETS = ('conv3x3', 'residual', 'other')


class SignLayer(nn.Module):
    """``alpha * op(sign(x), sign(w)) + bias`` in floats; alpha is the mean of ``|w|`` per output.

    Args:
        layer (nn.Conv2d | nn.Linear): The real layer.
        low (float): What stands for a negative input: -1, or 0 for bits.
    """

    def __init__(self, layer: nn.Module, low: float = -1.0) -> None:
        super().__init__()
        weight = layer.weight.detach()
        each = (-1, *[1] * (weight.dim() - 2))
        self.register_buffer('signs', torch.where(weight >= 0, 1.0, -1.0))
        self.register_buffer('alpha', weight.abs().flatten(1).mean(1).view(each))
        self.register_buffer('bias', layer.bias.detach().view(each))
        self.layer, self.low = layer, low
        if weight.dim() == 4:
            self.signs = self.signs.contiguous(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        """Real input to real output."""
        x = torch.where(x >= 0, 1.0, self.low)
        if self.signs.dim() == 2:
            return F.linear(x, self.signs) * self.alpha.flatten() + self.bias.flatten()
        found = F.conv2d(x, self.signs, None, self.layer.stride, self.layer.padding)
        return found * self.alpha + self.bias


class Chain(nn.Module):
    """Layers one after another, ``act(layer(x) + x)`` where there is an ``act``.

    Args:
        layers (list): Convolutions or linear layers.
        acts (list | None): An activation for each.
    """

    def __init__(self, layers: list, acts: Optional[list] = None) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.acts = nn.ModuleList(acts or [])

    @classmethod
    def of(cls, geometry: Geometry, residual: bool) -> 'Chain':
        """Real layers with random weights, the same each time; :data:`DEPTH` residual ones."""
        generator = torch.Generator().manual_seed(0)
        layers = [_layer(geometry, generator) for _ in range(DEPTH if residual else 1)]
        acts = [nn.PReLU(geometry.outputs, SLOPE) for _ in layers] if residual else None
        chain = cls(layers, acts).eval().requires_grad_(False)
        return chain.to(memory_format=torch.channels_last)

    def of_signs(self, low: float = -1.0) -> 'Chain':
        """The same with binary layers, simulated."""
        return Chain([SignLayer(layer, low) for layer in self.layers], list(self.acts))

    def forward(self, x: Tensor) -> Tensor:
        """Input to the output of the last."""
        for index, layer in enumerate(self.layers):
            found = layer(x)
            x = self.acts[index](found + x) if self.acts else found
        return x


def _layer(geometry: Geometry, generator: torch.Generator) -> nn.Module:
    g = geometry
    if g.rows:
        layer: nn.Module = nn.Linear(g.channels, g.outputs)
    else:
        layer = nn.Conv2d(g.channels, g.outputs, g.kernel, g.stride, g.kernel // 2)
    fan_in = layer.weight[0].numel()
    with torch.no_grad():
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) / fan_in**0.5)
        layer.bias.copy_(torch.randn(layer.bias.shape, generator=generator) * 0.1)
    return layer


def layer_input(geometry: Geometry) -> Tensor:
    """Noise of the layer's shape, channels last, the same each time."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(geometry.input_shape, generator=generator)
    return x if geometry.rows else x.contiguous(memory_format=torch.channels_last)
