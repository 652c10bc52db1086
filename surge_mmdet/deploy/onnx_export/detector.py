"""From a packed detector to an ONNX file: image in; boxes, scores and labels out."""

import json
from typing import NamedTuple, Optional

import numpy as np
import torch
from mmengine.config import Config
from onnx import TensorProto, shape_inference
from torch import nn

from ... import __version__
from ...onnx_detector import file as onnx_file
from ...whole_files import write_whole
from ..checkpoint import open_checkpoint
from ..config_text import from_text
from ..format import SUFFIX, PackedFile, looks_packed
from ..format import read as read_packed
from ..load import build_detector, fill_structure, packed_structure
from ..publish import packed_content
from ..real_storage import REAL, check_real
from . import two_stage
from .boxes import Limits, suppressed
from .dense import DenseHead, Found
from .graph import Graph
from .network import Regions, Trunk, exported, in_plain_operators, whole_multiples
from .recipe import padded, prepared, recipe_of
from .supported import check_supported, dense_head_name, rules
from .weights import packed_signs, store_small

EXAMPLE = 6, 4  # sides of the exporter's image, in divisors
REGIONS = 5
OUTPUTS = (
    ('boxes', TensorProto.FLOAT, ['detections', 4]),
    ('scores', TensorProto.FLOAT, ['detections']),
    ('labels', TensorProto.INT64, ['detections']),
)


class Exported(NamedTuple):
    """What was written.

    Attributes:
        path: Of the file.
        size (int): Its bytes.
        classes (int): How many.
        input (str): Name and shape of the input, for a person.
        nodes (int): Of the graph.
    """

    path: object
    size: int
    classes: int
    input: str
    nodes: int

    def __str__(self) -> str:
        return (
            f'Wrote {self.path}: {self.size / 1e6:.2f} MB, {self.nodes} nodes of opset 18, '
            f'{self.classes} classes\n  input {self.input}\n  outputs boxes (N, 4) x1, y1, x2, y2, '
            'scores (N,), labels (N,)'
        )


def packed_source(
    checkpoint, config: Optional[str] = None, real: Optional[str] = None
) -> PackedFile:
    """The packed content of a checkpoint, or of a packed file.

    A detector without binary layers has one as well, real weights all of it.

    Args:
        checkpoint: Of a training, or a ``.safetensors`` file.
        config (str | None): Path of the config; None for the one in the file.
        real (str | None): See :func:`real_storage.encode`; None for float16,
            and for what a packed file has.

    Raises:
        FileNotFoundError, ValueError: As :func:`publish.publish`; also if
            ``config`` or ``real`` is given for a packed file.
    """
    if str(checkpoint).endswith(SUFFIX) or looks_packed(checkpoint):
        _refuse_options(checkpoint, config, real)
        return read_packed(checkpoint)
    real = check_real(REAL[0] if real is None else real)
    model = open_checkpoint(checkpoint, config)
    packed_structure(model, real_too=True)
    return packed_content(model, real)


def _refuse_options(packed, config: Optional[str], real: Optional[str]) -> None:
    if real is not None:
        raise ValueError(
            f'--real {real}: {packed} is a packed file, which has its storage already. Name the '
            'checkpoint it was made of, or leave --real out'
        )
    if config is not None:
        raise ValueError(f'{packed} is a packed file, which has its config. Leave {config} out')


def export(content: PackedFile, path, expand: bool = False, preprocess: bool = False) -> Exported:
    """Write the detector of a packed file as ONNX.

    Args:
        content (PackedFile): Of :func:`packed_source`.
        path: Of the file, ending in ``.onnx``.
        expand (bool): Weights as float32, for runtimes that do not fold their
            small forms at load.
        preprocess (bool): Resizing and normalization in the graph, whose input
            is then an image as OpenCV reads it.

    Raises:
        ValueError: If something cannot be exported; the text names the layer.
            Nothing is written then.
    """
    path = onnx_file.check_name(path)
    model = build_detector(Config(from_text(content.config, 'the packed detector')))
    check_supported(model, fill_structure(model, content.tensors, 'the packed detector'))
    recipe = recipe_of(model.cfg, model)
    signs = packed_signs(model)
    in_plain_operators(model, signs)
    g = Graph()
    name, kind, shape = _input(recipe, preprocess)
    image, scale = prepared(g, name, recipe) if preprocess else (name, None)
    found, kept = _detections(g, model, image, recipe)
    _outputs(g, found, kept, scale)
    if not expand:
        store_small(g, {f'{layer}.bits' for layer in signs}, content.tensors)
    metadata = _metadata(content, model, recipe, 'uint8' if preprocess else 'float32')
    proto = g.model([(name, kind, shape)], OUTPUTS, metadata)
    shape_inference.infer_shapes(proto, check_type=True, strict_mode=True)
    data = onnx_file.sealed(proto.SerializeToString(deterministic=True))
    write_whole(path, data)
    sides = ', '.join(map(str, shape))
    about = f'{name} ({sides}) {"uint8, BGR" if preprocess else "float32, normalized"}'
    return Exported(path, len(data), len(content.dataset_meta['classes']), about, len(g.nodes))


def _input(recipe: dict, preprocess: bool) -> tuple:
    """Name, type and shape."""
    if preprocess:
        return 'image', TensorProto.UINT8, ['height', 'width', 3]
    return 'image', TensorProto.FLOAT, [1, 3, *(recipe['fixed'] or ['height', 'width'])]


def _detections(g: Graph, model: nn.Module, image: str, recipe: dict) -> tuple:
    """Candidates, and which of them are kept."""
    limits, inside = _limits_and_padding(g, image, recipe)
    name = dense_head_name(model)
    fixed, divisor = recipe['fixed'], max(recipe['divisor'], 1)
    sides = fixed or [side * divisor for side in EXAMPLE]
    trunk = Trunk(model, name)
    dynamic = {} if fixed else whole_multiples(divisor)
    part = exported(trunk, torch.zeros(1, 3, *sides), dynamic)
    maps = g.include(part, 'trunk.', {'x': inside})
    count = len(maps) - _head_maps(model, name)
    features, maps = maps[:count], maps[count:]
    first, second = rules(model)
    head = DenseHead(getattr(model, name), name, getattr(model, name).test_cfg)
    found = head.candidates(g, maps, limits)
    if second:
        kept = suppressed(g, found.boxes, found.scores, found.levels, first)
        boxes = g('Gather', found.boxes, kept, axis=0)
        found = _second_stage(g, model, features, boxes, limits)
    rule = second or first
    return found, suppressed(g, found.boxes, found.scores, found.labels, rule)


def _head_maps(model: nn.Module, name: str) -> int:
    """How many maps the head gives."""
    head = getattr(model, name)
    kinds = 3 if hasattr(head, 'conv_centerness') or type(head).__name__ == 'YOLOXHead' else 2
    return kinds * len(head.prior_generator.strides)


def _second_stage(g: Graph, model: nn.Module, features: list, boxes: str, limits: Limits) -> Found:
    extractor = model.roi_head.bbox_roi_extractor
    inside, boxes = two_stage.regions(g, extractor, features, boxes)
    size = extractor.roi_layers[0].output_size
    height, width = size if isinstance(size, (tuple, list)) else (size, size)
    example = torch.zeros(REGIONS, extractor.out_channels, height, width)
    part = exported(Regions(model), example, {0: torch.export.Dim('regions', min=2, max=2**16)})
    logits, offsets = g.include(part, 'regions.', {'x': inside})
    return two_stage.of_regions(g, model, boxes, logits, offsets, limits)


def _limits_and_padding(g: Graph, image: str, recipe: dict) -> tuple:
    size = g('Shape', image, start=2, end=4)
    sides = g('Cast', size, to=1)  # FLOAT
    limits = Limits(*(g('Gather', sides, np.int64(axis)) for axis in (0, 1)))
    divisor = recipe['divisor']
    if recipe['fixed'] or divisor <= 1:
        return limits, image
    whole = g(
        'Mul', g('Div', g('Add', size, np.int64(divisor - 1)), np.int64(divisor)), np.int64(divisor)
    )
    return limits, padded(g, image, g('Sub', whole, size), [0.0])


def _outputs(g: Graph, found: Found, kept: str, scale: Optional[str]) -> None:
    boxes = g('Gather', found.boxes, kept, axis=0)
    g.rename(g('Div', boxes, scale) if scale else boxes, 'boxes')
    g.rename(g('Gather', found.scores, kept, axis=0), 'scores')
    g.rename(g('Gather', found.labels, kept, axis=0), 'labels')


def _metadata(content: PackedFile, model: nn.Module, recipe: dict, kind: str) -> dict:
    return {
        'format': onnx_file.FORMAT,
        'format_version': str(onnx_file.VERSION),
        'surge_mmdet': __version__,
        'classes': json.dumps(content.dataset_meta['classes']),
        'config_sha256': onnx_file.text_hash(content.config),
        'detector': type(model).__name__,
        'input': kind,
        'recipe': json.dumps(recipe),
    }
