"""Time and memory of one training step, methods interleaved in one run.

    python tools/benchmark/train_step.py CONFIG --methods fp32 ste \\
        ste-autograd literal surge surge:dtype=bfloat16 surge:branch=tied

makes all methods from the binary layers of one config. Options of SURGE
stand behind a colon, with commas between them. With several configs there is
a table for each. Without --methods the configs run against each other:

    python tools/benchmark/train_step.py CONFIG [CONFIG ...] --rounds 10

Each method lives in a process of its own (so that its memory is its own);
the main process asks one after another for a step, each round in another
order, so that drifts of the machine's speed meet all alike. Ratios are
medians of the ratios of each round, with their 25 % and 75 % quantile.
tools/benchmark/README.md says how to read the columns.
"""

import argparse
import sys
from pathlib import Path

from surge_mmdet.analysis.conditions import conditions, conditions_text
from surge_mmdet.analysis.step_cost import (
    EXAMPLE,
    Setup,
    check_device,
    choose_base,
    parse_method,
    race,
    steps_table,
)
from surge_mmdet.analysis.tables import write_json, write_record, write_text
from surge_mmdet.cfg_options import CfgOptions
from surge_mmdet.writable import out_file


def races_of(args: argparse.Namespace) -> dict:
    """Title to the setups, by label, that run against each other."""
    common = dict(
        options=args.cfg_options,
        data=args.data,
        batch=args.batch,
        shape=args.shape and tuple(args.shape),
        device=args.device,
        threads=args.threads,
    )
    if not args.methods:
        if len({Path(c).stem for c in args.configs}) < len(args.configs):
            raise ValueError(f'a config takes part twice. Name each once, or write {EXAMPLE}')
        return {'': {Path(c).stem: Setup(c, **common) for c in args.configs}}
    methods = [parse_method(text) for text in args.methods]
    labels = [method.label for method in methods]
    if len(set(labels)) < len(labels):
        raise ValueError(
            f'a method takes part twice: {", ".join(labels)}. Name each once: {EXAMPLE}'
        )
    return {
        config: {m.label: Setup(config, m, **common) for m in methods} for config in args.configs
    }


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    found = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    found.add_argument('configs', nargs='+', metavar='CONFIG')
    found.add_argument(
        '--methods',
        '--contestants',
        nargs='+',
        default=[],
        help='names of surge_mmdet/methods.py, ste-autograd, literal, surge:KEY=VALUE,KEY=VALUE,\n'
        'config; --contestants is the old name of this option',
    )
    found.add_argument(
        '--base', help='label in the table that ratios refer to (default STE, else the first)'
    )
    found.add_argument('--rounds', type=int, default=10)
    found.add_argument('--warmup', type=int, default=2)
    found.add_argument('--batch', type=int, help="default: the config's")
    found.add_argument(
        '--data',
        choices=('synthetic', 'config'),
        default='synthetic',
        help='noise with boxes, or what the config trains on',
    )
    found.add_argument(
        '--shape',
        type=int,
        nargs=2,
        metavar=('H', 'W'),
        help='of synthetic images (default: the scale of the test pipeline)',
    )
    found.add_argument('--threads', type=int)
    found.add_argument('--device', default='cpu', help='cpu (default), cuda')
    found.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    found.add_argument('--out', type=out_file, help='JSON file, every time')
    found.add_argument('--record', type=out_file, help='JSON of the tables, for docs/results')
    found.add_argument('--markdown', type=out_file, help='file for the table')
    return found


def check_numbers(args: argparse.Namespace, refuse) -> None:
    """Refuse counts below their least."""
    for name, least, example in (
        ('rounds', 1, 10),
        ('warmup', 0, 2),
        ('batch', 1, 4),
        ('threads', 1, 1),
    ):
        value = getattr(args, name)
        if value is not None and value < least:
            refuse(f'--{name} must be >= {least}: --{name} {example}')
    if args.shape and min(args.shape) < 1:
        refuse('--shape must be positive: --shape 240 320')


def parse_arguments() -> tuple:
    """Arguments, races and the label of the base of each."""
    line = parser()
    args = line.parse_args()
    check_numbers(args, line.error)
    try:
        check_device(args.device)
        races = races_of(args)
        bases = {title: choose_base(list(setups), args.base) for title, setups in races.items()}
    except (TypeError, ValueError) as error:
        line.error(str(error))
    return args, races, bases


def main() -> None:
    args, races, bases = parse_arguments()
    texts, content, tables = [], [], {}
    for title, setups in races.items():
        try:
            found, details = race(setups, args.rounds, args.warmup)
        except RuntimeError as error:
            sys.exit(str(error))
        told = conditions(
            device=args.device, data=args.data, rounds=args.rounds, warmup=args.warmup, **details
        )
        table = tables[Path(title).stem or 'configs'] = steps_table(found, bases[title])
        text = f'{conditions_text(told)}\n\n{table.markdown()}\n'
        texts.append(f'## {title}\n\n{text}' if title else text)
        content.append(dict(config=title or args.configs, **told, base=bases[title], methods=found))
        print(texts[-1], flush=True)
        # After each table: a later race may fail.
        write_text('\n'.join(texts), args.markdown)
        write_json(dict(races=content), args.out)
        write_record(tables, args.record, **told)


if __name__ == '__main__':
    main()
