"""Operations and size of a detector, real and binary apart.

Counting follows the field: FLOPs are real multiply-accumulates, BOPs binary
ones, ``OPs = FLOPs + BOPs / 64`` (Bi-Real Net, Liu et al., ECCV 2018). Size
is 1 bit per binary weight, 32 bits for each other value that inference
needs; the scale of each binary output channel counts as such a value.
"""
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..layers import TRAINING_ONLY, CompensatedLayer

NOT_NEEDED = (*TRAINING_ONLY, 'num_batches_tracked')


@dataclass(frozen=True)
class LayerOps:
    """Multiply-accumulates of one layer in one forward pass."""
    name: str
    kind: str
    binary: bool
    macs: int


@dataclass(frozen=True)
class Complexity:
    """Totals of a model; ``layers`` holds what they are made of."""
    layers: tuple
    binary_weights: int
    real_values: int

    @property
    def flops(self) -> int:
        """Real multiply-accumulates."""
        return sum(row.macs for row in self.layers if not row.binary)

    @property
    def bops(self) -> int:
        """Binary multiply-accumulates."""
        return sum(row.macs for row in self.layers if row.binary)

    @property
    def ops(self) -> float:
        """FLOPs + BOPs / 64."""
        return self.flops + self.bops / 64

    @property
    def megabytes(self) -> float:
        """Packed size in units of 10^6 bytes."""
        return (self.binary_weights / 8 + self.real_values * 4) / 1e6


def layer_macs(layer: nn.Module, x: Tensor, out: Tensor) -> int:
    """Multiply-accumulates of a convolution or linear layer."""
    if isinstance(layer, nn.Linear):
        return out.numel() * layer.in_features
    per_value = layer.in_channels // layer.groups * layer.weight[0, 0].numel()
    return out.numel() * per_value


def count_macs(model: nn.Module, *inputs, **kwargs) -> tuple:
    """Run ``model`` once in eval mode and count each layer's work."""
    rows, handles = [], []
    for name, layer in model.named_modules():
        if not isinstance(layer, (nn.Conv2d, nn.Linear)):
            continue

        def record(module, args, out, name=name):
            rows.append(LayerOps(name, type(module).__name__,
                                 isinstance(module, CompensatedLayer),
                                 layer_macs(module, args[0], out)))

        handles.append(layer.register_forward_hook(record))
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(*inputs, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
        model.train(training)
    return tuple(rows)


def count_values(model: nn.Module) -> tuple:
    """(binary weights, other values) that inference needs."""
    binary, scales = 0, 0
    for layer in model.modules():
        if isinstance(layer, CompensatedLayer):
            binary += layer.weight.numel()
            scales += layer.binary_weight()[1].numel()
    total = sum(value.numel() for name, value in model.state_dict().items()
                if not name.endswith(NOT_NEEDED))
    return binary, total - binary + scales


def detector_complexity(model: nn.Module, height: int,
                        width: int) -> Complexity:
    """Complexity of an mmdet detector for one image.

    Args:
        model (nn.Module): A detector built by mmdet.
        height, width (int): Of the network's input in pixels.
    """
    from mmdet.testing import demo_mm_inputs
    batch = demo_mm_inputs(1, [[3, height, width]])
    device = next(model.parameters()).device
    if device.type != 'cpu':
        model = model.cpu()
    data = model.data_preprocessor(batch, False)
    rows = count_macs(model, **data, mode='tensor')
    model.to(device)
    return Complexity(rows, *count_values(model))


def real_twin(complexity: Complexity) -> Complexity:
    """The same structure with every layer in float32."""
    rows = tuple(LayerOps(r.name, r.kind, False, r.macs)
                 for r in complexity.layers)
    values = complexity.binary_weights + complexity.real_values
    return Complexity(rows, 0, values)
