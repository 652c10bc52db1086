"""ncnn on the CPU, for chains of single layers: its Winograd is fast in float32.

The network is written in ncnn's own two files: a text with a line per layer,
and the tensors one after another.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ..contest import Unavailable
from ..layers import Chain
from ..part import Part

NO_SWITCH = 'has no switch to AVX2'
MAGIC = 7767517
RAW = b'\0\0\0\0'  # in front of weights: float32
LEVELS = 127


def float32(part: Part, threads: int) -> Callable:
    """Everything in float32: no half precision where the processor has it."""
    return _network(part, threads, [None] * _depth(part))


def int8(part: Part, threads: int) -> Callable:
    """int8 inside of convolutions: a scale per output, and one for the inputs in calibration."""
    _depth(part)
    return _network(part, threads, [float(LEVELS / size) for size in _largest_inputs(part)])


def _depth(part: Part) -> int:
    if not isinstance(part.module, Chain):
        raise Unavailable('runs single layers only')
    return len(part.module.layers)


def _largest_inputs(part: Part) -> list:
    """The largest magnitude that each layer reads."""
    found = [0.0] * _depth(part)

    def keep(index: int) -> Callable:
        def hook(module, inputs) -> None:
            found[index] = max(found[index], inputs[0].abs().max().item())

        return hook

    hooks = [
        layer.register_forward_pre_hook(keep(index))
        for index, layer in enumerate(part.module.layers)
    ]
    for x in part.calibration:
        part(x)
    for hook in hooks:
        hook.remove()
    return found


def _network(part: Part, threads: int, scales: list) -> Callable:
    import ncnn

    lines, tensors = _written(part.module, scales)
    name = 'ncnn_float32' if scales[0] is None else 'ncnn_int8'
    param, weights = part.folder / f'{name}.param', part.folder / f'{name}.bin'
    blobs = sum(int(line.split()[3]) for line in lines)
    param.write_text('\n'.join([str(MAGIC), f'{len(lines)} {blobs}', *lines]) + '\n')
    weights.write_bytes(b''.join(tensors))
    net = ncnn.Net()
    for option in ('use_fp16_packed', 'use_fp16_storage', 'use_fp16_arithmetic'):
        setattr(net.opt, option, False)
    net.opt.num_threads = threads
    if net.load_param(str(param)) or net.load_model(str(weights)):
        raise Unavailable('refused the network that was written for it')

    def run(x: Tensor) -> tuple:
        held = x.contiguous()  # a Mat borrows its memory
        extractor = net.create_extractor()
        extractor.input('x0', ncnn.Mat(held.numpy().reshape(held.shape[-3:])))
        _, found = extractor.extract(f'x{len(scales)}')
        out = torch.from_numpy(np.array(found))
        return (out[None] if x.dim() == 4 else out,)

    return run


def _written(chain: Chain, scales: list) -> tuple:
    """Lines of the text and the tensors; blob ``x{i}`` is the input of layer i."""
    lines, tensors = ['Input x0 0 1 x0'], []
    for i, (layer, scale) in enumerate(zip(chain.layers, scales, strict=True)):
        weight, bias = layer.weight.detach(), layer.bias.detach()
        tensors += [RAW, _bytes(weight), _bytes(bias)]
        if scale is not None:
            per_output = LEVELS / weight.abs().flatten(1).amax(1)
            tensors += [_bytes(per_output), _bytes(torch.tensor([scale]))]
        about = f'{_geometry(layer)} 8={int(scale is not None)}'
        if not chain.acts:
            lines.append(f'{about.split()[0]} conv{i} 1 1 x{i} x{i + 1} {about.split(" ", 1)[1]}')
            continue
        kind, numbers = about.split(' ', 1)
        slopes = chain.acts[i].weight.detach()
        lines += [
            f'Split split{i} 1 2 x{i} a{i} b{i}',
            f'{kind} conv{i} 1 1 a{i} c{i} {numbers}',
            f'BinaryOp add{i} 2 1 c{i} b{i} s{i} 0=0',
            f'PReLU act{i} 1 1 s{i} x{i + 1} 0={len(slopes)}',
        ]
        tensors.append(_bytes(slopes))
    return lines, tensors


def _geometry(layer: nn.Module) -> str:
    size = layer.weight.numel()
    if isinstance(layer, nn.Linear):
        return f'InnerProduct 0={layer.out_features} 1=1 2={size}'
    return (
        f'Convolution 0={layer.out_channels} 1={layer.kernel_size[0]} 3={layer.stride[0]} '
        f'4={layer.padding[0]} 5=1 6={size}'
    )


def _bytes(tensor: Tensor) -> bytes:
    return tensor.float().contiguous().numpy().astype('<f4').tobytes()
