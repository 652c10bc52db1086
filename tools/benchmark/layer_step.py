"""Time and saved bytes of forward and backward of single binary layers.

    python tools/benchmark/layer_step.py --rounds 20

Contestants run one after another, round by round, in one process, on the
layers of ResNet-18 at 320x240. ``STE, autograd`` is the plain binary layer
in ordinary autograd, ``SURGE, literal`` the paper's formula in it with a
constant lambda (so without the norms of AGS); the others are this package's.
"""
import argparse
import json
import platform
import time
from pathlib import Path
from statistics import median

import torch
from torch import nn

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.surge import literal_dpgc

LAYERS = {  # (channels in, out, height, width, stride)
    '64x60x80': (64, 64, 60, 80, 1), '128x30x40': (128, 128, 30, 40, 1),
    '256x15x20': (256, 256, 15, 20, 1), '64 to 128, stride 2':
    (64, 128, 60, 80, 2)}
OPTIONS = {
    'STE': None, 'SURGE': dict(), 'SURGE, bf16': dict(dtype='bfloat16'),
    'SURGE, running': dict(mode='running'), 'tied': dict(branch='tied'),
    'tied, bf16': dict(branch='tied', dtype='bfloat16'),
    'pointwise': dict(branch='pointwise'),
    'depthwise': dict(branch='depthwise'), 'lowrank': dict(branch='lowrank')}


class OrdinarySTE(nn.Module):
    """sign and weight rule as autograd functions around ``F.conv2d``."""

    def __init__(self, layer: BinaryConv2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x):
        layer = self.layer
        return layer.op.forward(layer.activation(x),
                                layer.weight_scale(layer.weight), layer.bias)


class Literal(OrdinarySTE):
    """``f_b + (lambda f_a - sg[lambda f_a])`` with lambda 0.2."""

    def forward(self, x):
        layer = self.layer
        return literal_dpgc(x, layer.weight_scale(layer.weight),
                            layer.aux_weight, layer.bias, layer.activation,
                            layer.op, x.new_tensor(0.2))


def contestants(cin: int, cout: int, stride: int) -> dict:
    """Name to layer, all of one geometry."""
    def binary(surge):
        return BinaryConv2d(cin, cout, 3, stride, 1, bias=False, surge=surge)

    found = {'FP32': nn.Conv2d(cin, cout, 3, stride, 1, bias=False),
             'STE, autograd': OrdinarySTE(binary(None)),
             'SURGE, literal': Literal(binary(dict()))}
    found.update({name: binary(surge) for name, surge in OPTIONS.items()})
    return found


def step(layer: nn.Module, x: torch.Tensor, delta: torch.Tensor) -> float:
    """Seconds of one forward and backward."""
    x.grad = None
    start = time.perf_counter()
    layer(x).backward(delta)
    return time.perf_counter() - start


def saved_bytes(layer: nn.Module, x: torch.Tensor) -> int:
    """Bytes that autograd keeps from forward to backward, x and the layer's
    own parameters left out."""
    own = {x.untyped_storage().data_ptr(), *(
        p.untyped_storage().data_ptr() for p in layer.parameters())}
    found = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        layer(x)
    return sum(found.values())


def measure(geometry: tuple, batch: int, rounds: int, warmup: int) -> dict:
    """Per contestant: seconds of each round, and saved bytes."""
    cin, cout, height, width, stride = geometry
    torch.manual_seed(0)
    x = torch.randn(batch, cin, height, width).requires_grad_()
    layers = contestants(cin, cout, stride)
    delta = torch.randn_like(layers['FP32'](x))
    found = {name: dict(seconds=[], saved=saved_bytes(layer, x))
             for name, layer in layers.items()}
    for index in range(rounds + warmup):
        for name, layer in layers.items():
            seconds = step(layer, x, delta)
            if index >= warmup:
                found[name]['seconds'].append(seconds)
    return found


def table(results: dict) -> str:
    """Markdown: medians of the ratios to STE of each round."""
    names = list(next(iter(results.values())))
    head = [f'{label}: ms | x STE | saved MB' for label in results]
    lines = ['| | ' + ' | '.join(head) + ' |',
             '|---|' + '---|' * 3 * len(results)]
    for name in names:
        cells = []
        for found in results.values():
            row, base = found[name], found['STE']
            ratio = median(a / b for a, b in zip(
                row['seconds'], base['seconds'], strict=True))
            cells.append(f'{median(row["seconds"]) * 1e3:.1f} | {ratio:.2f} |'
                         f' {row["saved"] / 1e6:.1f}')
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--warmup', type=int, default=3)
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--out', type=Path, help='JSON file')
    args = parser.parse_args()
    if min(args.rounds, args.batch) < 1:
        parser.error('--rounds and --batch must be >= 1: --rounds 20')
    results = {label: measure(geometry, args.batch, args.rounds, args.warmup)
               for label, geometry in LAYERS.items()}
    print(f'torch {torch.__version__}, {torch.get_num_threads()} threads, '
          f'{platform.machine()}, batch {args.batch}, {args.rounds} rounds '
          'interleaved')
    print(table(results))
    if args.out:
        args.out.write_text(json.dumps(results, indent=1))


if __name__ == '__main__':
    main()
