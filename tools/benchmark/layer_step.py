"""Time and memory of forward and backward of single binary layers.

    python tools/benchmark/layer_step.py --rounds 20

Methods (as in train_step.py) run one after another, each round in another
order, in one process, on the layers of ResNet-18 at 320x240.
``STE, autograd`` is the plain binary layer in ordinary autograd, ``SURGE,
literal`` the paper's formula in it with a constant lambda (so without the
norms of AGS); the others are this package's. tools/benchmark/README.md says
how to read the columns.
"""

import argparse

import torch

from surge_mmdet.analysis.conditions import conditions, conditions_text
from surge_mmdet.analysis.step_cost import (
    LAYERS,
    check_device,
    choose_base,
    layers_table,
    measure,
    parse_method,
)
from surge_mmdet.analysis.step_cost.layers import COMPARED
from surge_mmdet.analysis.tables import write_json, write_record, write_text
from surge_mmdet.writable import out_file


def parse_arguments() -> tuple:
    """Arguments, methods by label, and the label of the base."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        '--methods',
        '--contestants',
        nargs='+',
        default=COMPARED,
        help='as in train_step.py; --contestants is the old name of this option',
    )
    parser.add_argument(
        '--base', help='label in the table that ratios refer to (default STE, else the first)'
    )
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--warmup', type=int, default=3)
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--threads', type=int)
    parser.add_argument('--device', default='cpu', help='cpu (default), cuda')
    parser.add_argument('--out', type=out_file, help='JSON file, every time')
    parser.add_argument('--record', type=out_file, help='JSON of the table, for docs/results')
    parser.add_argument('--markdown', type=out_file, help='file for the table')
    args = parser.parse_args()
    if min(args.rounds, args.batch, args.threads or 1) < 1 or args.warmup < 0:
        parser.error(
            '--rounds, --batch and --threads must be >= 1, --warmup '
            '>= 0: --rounds 20 --batch 8 --threads 1 --warmup 3'
        )
    try:
        check_device(args.device)
        methods = {method.label: method for method in map(parse_method, args.methods)}
        base = choose_base(list(methods), args.base)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    return args, methods, base


def main() -> None:
    args, methods, base = parse_arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    results = {
        label: measure(methods, geometry, args.batch, args.rounds, args.warmup, args.device)
        for label, geometry in LAYERS.items()
    }
    told = conditions(
        device=args.device,
        rounds=args.rounds,
        warmup=args.warmup,
        batch=args.batch,
        threads=torch.get_num_threads(),
    )
    table = layers_table(results, base)
    text = f'{conditions_text(told)}\n\n{table.markdown()}\n'
    print(text)
    write_text(text, args.markdown)
    write_json(dict(**told, base=base, layers=results), args.out)
    write_record(dict(layers=table), args.record, **told)


if __name__ == '__main__':
    main()
