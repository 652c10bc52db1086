"""Weights in an ONNX file: bits as bytes, float16 and int8, widened by nodes of the graph."""

import numpy as np
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ..packed_layers import PackedLayer, PackedLinear
from ..real_storage import SCALE
from .graph import Graph

WORD = 32
# Row b has the signs of byte b, the lowest bit first.
TABLE = np.where(np.arange(256)[:, None] >> np.arange(8) & 1, np.float32(1), np.float32(-1))


def signs(layer: PackedLayer) -> Tensor:
    """Weights of a packed layer as -1 and +1, in the shape of the layer before it was packed."""
    about = layer.layer
    words = layer.bits.numpy().view(np.uint32)
    bits = words[..., None] >> np.arange(WORD, dtype=np.uint32) & 1
    flat = bits.reshape(*words.shape[:-1], -1)[..., : about.channels // about.groups]
    values = torch.from_numpy(flat.astype(np.float32) * 2 - 1).permute(0, 3, 1, 2).contiguous()
    return values.flatten(1) if isinstance(layer, PackedLinear) else values


def packed_signs(model: nn.Module) -> dict:
    """:func:`signs` of every packed layer, by its name."""
    return {n: signs(m) for n, m in model.named_modules() if isinstance(m, PackedLayer)}


def store_small(g: Graph, bits: set, stored: dict) -> None:
    """Replace weights by their small forms; nodes in front of all others widen them.

    Args:
        g (Graph): Changed in place.
        bits (set[str]): Names of the initializers that hold signs.
        stored (dict[str, Tensor]): Of the packed file; float16 and int8 tensors
            are stored as they are there.

    Raises:
        ValueError: If the exporter renamed a weight, which would stay large.
    """
    written = Graph()
    held = {tensor.name: tensor for tensor in g.initializers}
    small = {n for n, t in stored.items() if t.dtype in (torch.float16, torch.int8)}
    lost = sorted((bits | small) - held.keys())
    if lost:
        raise ValueError(f'the exporter changed the weights of {lost[0]}; they cannot be stored')
    moved = {}
    for name in sorted(bits):
        moved[name] = _from_bits(written, name, numpy_helper.to_array(held[name]))
    for name in sorted(small - bits):
        moved[name] = _from_stored(written, name, stored, numpy_helper.to_array(held[name]))
    rest = [tensor for tensor in g.initializers if tensor.name not in moved]
    for node in written.nodes:
        node.name = f'weights.{node.name}'
        node.input[:] = [_own(n, written) for n in node.input]
        node.output[:] = [_own(n, written) for n in node.output]
    for tensor in written.initializers:
        tensor.name = _own(tensor.name, written)
    for node in g.nodes:
        node.input[:] = [_own(moved[n], written) if n in moved else n for n in node.input]
    g.initializers = rest + written.initializers
    g.nodes = written.nodes + g.nodes


def _own(name: str, written: Graph) -> str:
    """No name of the rest of the graph: constants and nodes of both are counted from one."""
    return name if ':' in name else f'weights.{name}'


def _from_bits(g: Graph, name: str, values: np.ndarray) -> str:
    """Eight signs a byte, the lowest bit first, 1 for +1; a table widens the bytes.

    BitShift and BitwiseAnd would do without a table. ONNX Runtime folds both at load,
    OpenVINO (2026.4) only the table: with the others its linear layers are wrong.
    """
    packed = np.packbits(values.reshape(-1) > 0, bitorder='little')
    held = g.constant(packed, f'{name}:bits')
    index = g('Cast', held, to=6)  # INT32
    wide = g('Gather', TABLE, index, axis=0)
    if values.size % 8:
        wide = g('Reshape', wide, np.int64([-1]))
        wide = g('Slice', wide, np.int64([0]), np.int64([values.size]), np.int64([0]))
    return g('Reshape', wide, np.int64(values.shape))


def _from_stored(g: Graph, name: str, stored: dict, values: np.ndarray) -> str:
    tensor = stored[name].numpy().reshape(values.shape)
    held = g.constant(tensor, f'{name}:stored')
    wide = g('Cast', held, to=1)  # FLOAT
    if stored[name].dtype != torch.int8:
        return wide
    scale = stored[name + SCALE].numpy().reshape(-1, *[1] * (tensor.ndim - 1))
    return g('Mul', wide, g.constant(scale, f'{name}:scale'))
