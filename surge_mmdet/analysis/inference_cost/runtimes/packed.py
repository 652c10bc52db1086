"""This package's packed layers, from a chain of real ones."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ....deploy.fused.blocks import Fused, to_nhwc
from ....deploy.packed_layers import PackedLayer, packed_twin
from ....kernels import ops
from ....layers import BinaryConv2d, BinaryLinear
from ..layers import Chain


def packed_layer(layer: nn.Module) -> PackedLayer:
    """The packed twin of the binary twin of a real layer."""
    kind = BinaryLinear if isinstance(layer, nn.Linear) else BinaryConv2d
    return packed_twin(kind.from_float(layer, surge=None).eval())


def from_bits(chain: Chain, x: Tensor) -> tuple:
    """(what runs one layer on bits, what gives its values as ``chain`` does).

    The input is packed already, the output is real and channels last.
    """
    packed = packed_layer(chain.layers[0])
    nhwc = to_nhwc(x) if x.dim() == 4 else x[None, None]
    bits = packed.signs(nhwc)
    weight, epilogue = packed.weight(), packed.epilogue()

    def run() -> Tensor:
        return ops.binary_conv(bits, weight, epilogue)[0]

    def values() -> tuple:
        out = run()
        return (out.permute(0, 3, 1, 2) if x.dim() == 4 else out[0, 0],)

    return run, values


def from_floats(chain: Chain) -> Callable:
    """One layer from real input to real output."""
    packed = packed_layer(chain.layers[0])

    def run(x: Tensor) -> tuple:
        with torch.inference_mode():
            return (packed(x),)

    return run


def fused_chain(chain: Chain) -> Callable:
    """Residual layers: each gives its output and the next one's bits."""
    layers = [packed_layer(layer) for layer in chain.layers]
    fused = [Fused(layer, act) for layer, act in zip(layers, chain.acts, strict=True)]

    def run(x: Tensor) -> tuple:
        with torch.inference_mode():
            x = to_nhwc(x)
            bits = layers[0].signs(x)
            for step, following in zip(fused, [*layers[1:], layers[0]], strict=True):
                x, bits = step(bits, x, following)
            return (x.permute(0, 3, 1, 2),)

    return run
