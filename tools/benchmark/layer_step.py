"""Time and memory of forward and backward of single binary layers.

    python tools/benchmark/layer_step.py --rounds 20

Contestants (as in train_step.py) run one after another, each round in
another order, in one process, on the layers of ResNet-18 at 320x240.
``STE, autograd`` is the plain binary layer in ordinary autograd, ``SURGE,
literal`` the paper's formula in it with a constant lambda (so without the
norms of AGS); the others are this package's. tools/benchmark/README.md says
how to read the columns.
"""

import argparse
import time
from pathlib import Path

import torch
from torch import nn

from surge_mmdet.analysis.step_contestants import Contestant
from surge_mmdet.analysis.step_cost import (
    allocator_peak,
    check_device,
    saved_bytes,
    synchronise,
)
from surge_mmdet.analysis.step_table import (
    choose_base,
    conditions,
    conditions_text,
    markdown,
    memory_cells,
    round_order,
    time_cells,
    write,
)
from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.surge import close_steps, running_scalers

LAYERS = {  # (channels in, out, height, width, stride)
    '64x60x80': (64, 64, 60, 80, 1),
    '128x30x40': (128, 128, 30, 40, 1),
    '256x15x20': (256, 256, 15, 20, 1),
    '64 to 128, stride 2': (64, 128, 60, 80, 2),
}
CONTESTANTS = (
    'fp32',
    'ste',
    'ste-autograd',
    'literal',
    'surge',
    'surge:dtype=bfloat16',
    'surge:mode=running',
    'surge:branch=tied',
    'surge:branch=tied,dtype=bfloat16',
    'surge:branch=pointwise',
    'surge:branch=depthwise',
    'surge:branch=lowrank',
)


class Layer:
    """One contestant's layer, its input and the gradient it gets."""

    def __init__(
        self, contestant: Contestant, geometry: tuple, batch: int, device: torch.device
    ) -> None:
        cin, cout, height, width, stride = geometry
        torch.manual_seed(0)  # all have the same input and weight
        self.x = torch.randn(batch, cin, height, width).to(device)
        self.x.requires_grad_()
        self.model = contestant.build(
            lambda: nn.Sequential(BinaryConv2d(cin, cout, 3, stride, 1, bias=False))
        ).to(device)
        self.scalers = running_scalers(self.model)
        self.device = device
        self.delta = torch.randn_like(self.model(self.x).detach())

    def run(self) -> None:
        """Forward and backward; gradients of parameters add up."""
        self.x.grad = None
        self.model(self.x).backward(self.delta)
        if self.scalers:  # AGSHook's work in a training
            close_steps(self.scalers)

    def step(self) -> float:
        """Seconds of one :meth:`run`."""
        synchronise(self.device)
        start = time.perf_counter()
        self.run()
        synchronise(self.device)
        return time.perf_counter() - start

    def memory(self) -> dict:
        """Bytes that autograd keeps, and the allocator's peak in a step."""
        own = [self.x, *self.model.parameters(), *self.model.buffers()]
        self.run()  # so that all gradients are there
        return dict(
            saved=saved_bytes(lambda: self.model(self.x), own),
            allocator=allocator_peak(self.run, self.device),
        )


def contestants(texts: list) -> dict:
    """Label to contestant."""
    found = [Contestant.parse(text) for text in texts]
    return {contestant.label: contestant for contestant in found}


def measure(
    entrants: dict, geometry: tuple, batch: int, rounds: int, warmup: int, device: str = 'cpu'
) -> dict:
    """Per contestant: seconds of each round, and bytes."""
    layers = {
        label: Layer(contestant, geometry, batch, torch.device(device))
        for label, contestant in entrants.items()
    }
    found = {label: dict(seconds=[], **layer.memory()) for label, layer in layers.items()}
    for index in range(rounds + warmup):
        for label in round_order(layers, index):
            seconds = layers[label].step()
            if index >= warmup:
                found[label]['seconds'].append(seconds)
    return found


def table(results: dict, base: str) -> str:
    """Markdown: a row per contestant, four columns per layer."""
    header = ['']
    for label in results:
        header += [f'{label}: ms', f'x {base} (25-75 %)', 'saved MiB', 'peak MiB']
    rows = []
    for name in next(iter(results.values())):
        cells = [name]
        for found in results.values():
            row = found[name]
            cells += time_cells(row, found[base], 1e3, 1)
            cells += [memory_cells(row, found[base], key)[0] for key in ('saved', 'allocator')]
        rows.append(cells)
    return markdown(header, rows)


def parse_arguments() -> tuple:
    """Arguments, contestants by label, and the label of the base."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--contestants', nargs='+', default=CONTESTANTS)
    parser.add_argument(
        '--base', help='label in the table that ratios refer to (default STE, else the first)'
    )
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--warmup', type=int, default=3)
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--threads', type=int)
    parser.add_argument('--device', default='cpu', help='cpu (default), cuda')
    parser.add_argument('--out', type=Path, help='JSON file, every time')
    parser.add_argument('--markdown', type=Path, help='file for the table')
    args = parser.parse_args()
    if min(args.rounds, args.batch, args.threads or 1) < 1 or args.warmup < 0:
        parser.error(
            '--rounds, --batch and --threads must be >= 1, --warmup '
            '>= 0: --rounds 20 --batch 8 --threads 1 --warmup 3'
        )
    try:
        check_device(args.device)
        entrants = contestants(args.contestants)
        base = choose_base(list(entrants), args.base)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    return args, entrants, base


def main() -> None:
    args, entrants, base = parse_arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    results = {
        label: measure(entrants, geometry, args.batch, args.rounds, args.warmup, args.device)
        for label, geometry in LAYERS.items()
    }
    told = conditions(
        device=args.device,
        rounds=args.rounds,
        warmup=args.warmup,
        batch=args.batch,
        threads=torch.get_num_threads(),
    )
    text = f'{conditions_text(told)}\n\n{table(results, base)}\n'
    print(text)
    write(text, dict(**told, base=base, layers=results), args.markdown, args.out)


if __name__ == '__main__':
    main()
