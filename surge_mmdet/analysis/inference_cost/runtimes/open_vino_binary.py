"""OpenVINO's BinaryConvolution, which is made of a convolution of two-valued inputs.

With inputs -1 and +1 it is made as well, and what it gives does not depend on
its input. With 0 and 1 it is exact; the convolution of signs is then
``2 y - conv(1, W)``, which an affine could take in, so ``y`` is what counts.
"""

from collections.abc import Callable

import numpy as np

from ..contest import Unavailable
from ..layers import SignLayer
from ..part import Part
from .open_vino import compile_model, kernels, request

KIND = 'BinaryConvolution'


def bits(part: Part, threads: int) -> Callable:
    """A chain of :class:`SignLayer` with inputs 0 and 1, its maps packed in between.

    Raises:
        Unavailable: For linear layers, or where OpenVINO takes a float convolution.
    """
    from openvino import Model
    from openvino import opset8 as op

    chain, shape = part.module, list(part.example.shape)
    if len(shape) != 4:
        raise Unavailable('has no binary linear layer')
    start = x = op.parameter(shape, np.float32)
    for index, layer in enumerate(chain.layers):
        found = _layer(layer, x)
        if chain.acts:
            slope = op.constant(chain.acts[index].weight.detach().numpy())
            found = op.prelu(op.add(found, x), slope)
        x = found
    model = compile_model(Model([x], [start]), threads)
    if sum(name.startswith(KIND) for name in kernels(model)) < len(chain.layers):
        raise Unavailable('took a float convolution')
    return request(model)


def _layer(layer: SignLayer, x):
    """The graph of one."""
    from openvino import opset8 as op

    channels = layer.signs.shape[1]
    zero = op.constant(np.zeros((1, channels, 1, 1), np.float32))
    low, high = (op.constant(np.full((1, 1, 1, 1), v, np.float32)) for v in (0, 1))
    bits = op.fake_quantize(x, zero, zero, low, high, 2)
    pads = list(layer.layer.padding)
    signs = op.constant(layer.signs.contiguous().numpy())
    found = op.convolution(bits, signs, list(layer.layer.stride), pads, pads, [1, 1])
    alpha, bias = (op.constant(t[None].contiguous().numpy()) for t in (layer.alpha, layer.bias))
    return op.add(op.multiply(found, alpha), bias)
