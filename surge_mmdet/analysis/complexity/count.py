"""Operations and size of a detector, real and binary apart.

Counting follows the field: FLOPs are real multiply-accumulates, BOPs binary
ones, ``OPs = FLOPs + BOPs / 64`` (Bi-Real Net, Liu et al., ECCV 2018). Size
is 1 bit per binary weight, 32 bits for each other value that inference
needs; the scale of each binary output channel counts as such a value.
docs/results/complexity.md explains every column.
"""

from dataclasses import dataclass, replace
from typing import Optional

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from ...layers import BinaryLayer
from ...models.pretrained import training_only
from .other_operations import add_other_operations


def is_binary(layer: nn.Module) -> bool:
    """Whether weights and activations of ``layer`` take 1 bit."""
    return isinstance(layer, BinaryLayer) and layer.fully_binary


@dataclass(frozen=True)
class LayerOps:
    """One module in one forward pass, all of its calls together.

    Args:
        name, kind (str): Name in the model, and class.
        binary (bool): Whether its multiplications are binary.
        macs (int): Multiply-accumulates of a convolution or linear layer.
        calls (int): How often it ran; 0 for modules that are not counted.
        binary_parameters, real_parameters (int): Without ``aux_weight``.
        scales (int): Values that the binary weights need beside their bits.
        buffers (int): Such as the statistics of a batch norm.
        other (int): What mmdet's ``get_flops.py`` counts beside ``macs``.
    """

    name: str
    kind: str
    binary: bool
    macs: int
    calls: int = 1
    binary_parameters: int = 0
    real_parameters: int = 0
    scales: int = 0
    buffers: int = 0
    other: int = 0

    @property
    def flops(self) -> int:
        """Real multiply-accumulates."""
        return 0 if self.binary else self.macs

    @property
    def bops(self) -> int:
        """Binary multiply-accumulates."""
        return self.macs if self.binary else 0

    @property
    def real_values(self) -> int:
        """Values of 32 bits that inference needs."""
        return self.real_parameters + self.scales + self.buffers


@dataclass(frozen=True)
class Complexity:
    """Totals of a model; ``layers`` holds what they are made of.

    Args:
        layers (tuple[LayerOps]): One row per module that has work or values.
        input_shape (tuple): (height, width) that the network saw, after the
            padding of its data preprocessor.
        proposals (int | None): With which the box head was counted; None
            for a one-stage detector.
    """

    layers: tuple
    input_shape: Optional[tuple] = None
    proposals: Optional[int] = None

    def total(self, field: str) -> int:
        """Sum of one field of the layers."""
        return sum(getattr(row, field) for row in self.layers)

    @property
    def flops(self) -> int:
        """Real multiply-accumulates."""
        return self.total('flops')

    @property
    def bops(self) -> int:
        """Binary multiply-accumulates."""
        return self.total('bops')

    @property
    def ops(self) -> float:
        """FLOPs + BOPs / 64."""
        return self.flops + self.bops / 64

    @property
    def binary_weights(self) -> int:
        """Values of 1 bit."""
        return self.total('binary_parameters')

    @property
    def real_values(self) -> int:
        """Values of 32 bits."""
        return self.total('real_values')

    @property
    def megabytes(self) -> float:
        """Packed size in units of 10^6 bytes."""
        return (self.binary_weights / 8 + self.real_values * 4) / 1e6

    @property
    def fp32_twin(self) -> 'Complexity':
        """The same structure with every layer in float32, without scales."""
        rows = tuple(
            replace(
                row,
                binary=False,
                binary_parameters=0,
                scales=0,
                real_parameters=row.real_parameters + row.binary_parameters,
            )
            for row in self.layers
        )
        return replace(self, layers=rows)


def layer_macs(layer: nn.Module, x: Tensor, out: Tensor) -> int:
    """Multiply-accumulates of a convolution or linear layer."""
    if isinstance(layer, nn.Linear):
        return out.numel() * layer.in_features
    # A transposed convolution spreads each input value, a convolution
    # gathers each output value.
    values = x if isinstance(layer, _ConvTransposeNd) else out
    return values.numel() * layer.weight[0].numel()


def count_macs(model: nn.Module, *inputs, **kwargs) -> tuple:
    """Run ``model`` once in eval mode and count each layer's work.

    Returns:
        tuple[LayerOps]: One row per layer that ran, in the order of the
        first calls.
    """
    rows, handles = {}, []
    for name, layer in model.named_modules():
        if not isinstance(layer, (_ConvNd, nn.Linear)):
            continue

        def record(module, args, out, name=name):
            row = rows.get(
                name, LayerOps(name, type(module).__name__, is_binary(module), 0, calls=0)
            )
            macs = row.macs + layer_macs(module, args[0], out)
            rows[name] = replace(row, macs=macs, calls=row.calls + 1)

        handles.append(layer.register_forward_hook(record))
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(*inputs, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
        model.train(training)
    return tuple(rows.values())


def module_values(model: nn.Module) -> dict:
    """Module name to the values that inference needs of it, as fields.

    A tensor that several modules share belongs to the first.
    """
    found, seen = {}, set()
    for name, value in model.state_dict(keep_vars=True).items():
        if training_only(name) or name.endswith('num_batches_tracked') or id(value) in seen:
            continue
        seen.add(id(value))
        owner, _, leaf = name.rpartition('.')
        row = found.setdefault(owner, {})
        layer = model.get_submodule(owner)
        if is_binary(layer) and leaf == 'weight':
            row['binary_parameters'] = value.numel()
            row['scales'] = layer.weight_rule.values_beside_bits(layer.weight)
            continue
        field = 'real_parameters' if isinstance(value, nn.Parameter) else 'buffers'
        row[field] = row.get(field, 0) + value.numel()
    return found


def count_values(model: nn.Module) -> tuple:
    """(binary weights, other values) that inference needs."""
    rows = module_values(model).values()
    binary = sum(row.get('binary_parameters', 0) for row in rows)
    return binary, sum(sum(row.values()) for row in rows) - binary


def add_values(rows: tuple, model: nn.Module) -> tuple:
    """``rows`` with sizes, and new rows for the other modules with values.

    All rows are in the order of the model.
    """
    known, values = {row.name: row for row in rows}, module_values(model)
    result = []
    for name, module in model.named_modules():
        if name in known or name in values:
            row = known.get(
                name, LayerOps(name, type(module).__name__, is_binary(module), 0, calls=0)
            )
            result.append(replace(row, **values.get(name, {})))
    return tuple(result)


def detector_complexity(
    model: nn.Module, height: int, width: int, other: bool = False
) -> Complexity:
    """Complexity of an mmdet detector for one image.

    Args:
        model (nn.Module): A detector built by mmdet.
        height, width (int): Of the image in pixels; the detector's data
            preprocessor may pad it.
        other (bool): Also count what mmdet's ``get_flops.py`` counts beside
            convolutions and linear layers, which takes a second run.

    Raises:
        ValueError: If the size is not positive, or the detector fails on it.
    """
    check_shape(height, width)
    device = next(model.parameters()).device
    try:
        return _complexity(model.cpu(), height, width, other)
    finally:
        model.to(device)


def _complexity(model: nn.Module, height: int, width: int, other: bool) -> Complexity:
    from mmdet.testing import demo_mm_inputs

    batch = demo_mm_inputs(1, [[3, height, width]])
    data = model.data_preprocessor(batch, False)
    found, handles = watch_proposals(model)
    try:
        rows = count_macs(model, **data, mode='tensor')
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        fits = [-(-size // 32) * 32 for size in (height, width)]
        raise ValueError(
            f'The detector fails on an input of {height} x {width} (height x '
            f'width): {type(error).__name__}: {error}. Write the size that '
            'its config is made for, or multiples of 32: '
            f'--shape {fits[0]} {fits[1]}'
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    rows = add_values(rows, model)
    if other:
        rows = add_other_operations(rows, model, data, LayerOps)
    return Complexity(rows, tuple(data['inputs'].shape[-2:]), max(found, default=None))


def watch_proposals(model: nn.Module) -> tuple:
    """(list that fills with numbers of proposals, handles of the hooks)."""
    from mmdet.models.roi_heads.roi_extractors import BaseRoIExtractor

    found = []
    handles = [
        module.register_forward_pre_hook(lambda module, args: found.append(args[1].shape[0]))
        for name, module in model.named_modules()
        if isinstance(module, BaseRoIExtractor) and 'bbox_roi_extractor' in name
    ]
    return found, handles


def check_shape(height: int, width: int) -> None:
    """Raise ValueError unless both are positive integers."""
    if not all(isinstance(v, int) and v > 0 for v in (height, width)):
        raise ValueError(
            f'The input has height and width of at least 1, got '
            f'{height} {width}. Write --shape 600 1000 (height '
            'width).'
        )
