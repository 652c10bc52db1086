"""The parts of a packed detector that PyTorch's exporter writes: maps from images and regions."""

import logging
import warnings
from collections.abc import Sequence
from io import BytesIO

import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.onnx import OnnxExporterError
from torch.utils._pytree import tree_flatten

from ...convert import swap
from ...errors import first_sentence
from ..packed_layers import PackedLayer, PackedLinear
from .graph import OPSET

LARGEST = 2**14  # pixels of a side, for the exporter's ranges


class SignLayer(nn.Module):
    """A packed layer in plain operators; its weight is -1 and +1 in float32.

    Args:
        packed (PackedLayer): Shares its scale, bias and threshold.
        weight (Tensor): Signs as :func:`weights.signs` gives them.
    """

    def __init__(self, packed: PackedLayer, weight: Tensor) -> None:
        super().__init__()
        self.layer, self.is_linear = packed.layer, isinstance(packed, PackedLinear)
        self.pad, self.padding_mode = getattr(packed, 'pad', ()), packed.padding_mode
        self.register_buffer('bits', weight)
        for name in ('scale', 'bias', 'threshold'):
            value = getattr(packed, name)
            wide = value is None or self.is_linear
            self.register_buffer(name, value if wide else value.view(-1, 1, 1).clone())

    def forward(self, x: Tensor) -> Tensor:
        """As the packed layer."""
        if self.padding_mode != 'zeros':
            x = F.pad(x, self.pad, mode=self.padding_mode)
        x = torch.where(x >= (0.0 if self.threshold is None else self.threshold), 1.0, -1.0)
        layer = self.layer
        if self.is_linear:
            out = F.linear(x, self.bits)
        else:
            geometry = layer.stride, layer.padding, layer.dilation, layer.groups
            out = F.conv2d(x, self.bits, None, *geometry)
        return out * self.scale + self.bias


class Trunk(nn.Module):
    """Backbone, neck and dense head: an image to features, then the maps of the head.

    Args:
        model (nn.Module): The detector, whose names its parameters keep.
        head (str): ``rpn_head`` or ``bbox_head``.
    """

    def __init__(self, model: nn.Module, head: str) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, head
        self.neck = model.neck if model.with_neck else nn.Identity()
        setattr(self, head, getattr(model, head))

    def forward(self, x: Tensor) -> tuple:
        """(1, 3, H, W) to all maps, those of the neck first."""
        features = tuple(self.neck(self.backbone(x)))
        return (*features, *tree_flatten(getattr(self, self.head)(features))[0])


class Regions(nn.Module):
    """Shared head and box head: region features to scores and offsets.

    Args:
        model (nn.Module): The detector, whose names its parameters keep.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.roi_head = nn.Module()
        self.roi_head.bbox_head = model.roi_head.bbox_head
        if model.roi_head.with_shared_head:
            self.roi_head.shared_head = model.roi_head.shared_head

    def forward(self, x: Tensor) -> tuple:
        """(K, C, h, w) to (K, classes + 1) and (K, offsets)."""
        if hasattr(self.roi_head, 'shared_head'):
            x = self.roi_head.shared_head(x)
        return self.roi_head.bbox_head(x)


def in_plain_operators(model: nn.Module, signs: dict) -> nn.Module:
    """Swap every packed layer of ``model`` for a :class:`SignLayer`, in place.

    Args:
        model (nn.Module): Of :func:`load.packed_structure`, not fused.
        signs (dict[str, Tensor]): Of each packed layer by its name.
    """

    def twin_of(name: str, module: nn.Module):
        return SignLayer(module, signs[name]) if isinstance(module, PackedLayer) else None

    swap(model, twin_of)
    return model.eval()


def exported(module: nn.Module, example: Tensor, dynamic: dict) -> onnx.GraphProto:
    """A module as a graph of standard operators with the input ``x``.

    Args:
        module (nn.Module): In eval mode.
        example (Tensor): An input of it.
        dynamic (dict): As ``dynamic_shapes`` of ``torch.onnx.export``.

    Raises:
        ValueError: If PyTorch cannot export it.
    """
    file = BytesIO()
    loggers = [logging.getLogger(name) for name in ('torch.onnx', 'onnxscript')]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter('ignore')  # of PyTorch's own exporter
            program = torch.onnx.export(
                module,
                (example,),
                input_names=['x'],
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=(dynamic,),
                verbose=False,
            )
            program.save(file)
    except OnnxExporterError as error:
        raise ValueError(
            f'PyTorch {torch.__version__} cannot export {type(module).__name__}: '
            f'{first_sentence(error.__cause__ or error)}'
        ) from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    found = onnx.load_from_string(file.getvalue())
    foreign = sorted({node.op_type for node in found.graph.node if node.domain})
    if foreign or found.functions:
        raise ValueError(
            f'PyTorch {torch.__version__} wrote operators that are not standard: {foreign}. '
            'Run: pip install -r requirements/export.txt -c requirements/constraints.txt'
        )
    return found.graph


def whole_multiples(divisor: int, names: Sequence[str] = ('h', 'w')) -> dict:
    """Dynamic height and width of an image that is padded to multiples of ``divisor``."""
    sides = [torch.export.Dim(name, min=1, max=LARGEST // divisor) for name in names]
    return {axis: divisor * side for axis, side in enumerate(sides, 2)}
