"""Time and memory of one training step, contestants interleaved in one run.

    python tools/benchmark/train_step.py CONFIG --contestants fp32 ste \\
        ste-autograd literal surge surge:dtype=bfloat16 surge:branch=tied

makes all contestants from the binary layers of one config. Options of SURGE
stand behind a colon, with commas between them. With several configs there is
a table for each. Without --contestants the configs run against each other:

    python tools/benchmark/train_step.py CONFIG [CONFIG ...] --rounds 10

Each contestant lives in a process of its own (so that its memory is its
own); the main process asks one after another for a step, each round in
another order, so that drifts of the machine's speed meet all alike. Ratios
are medians of the ratios of each round, with their 25 % and 75 % quantile.
tools/benchmark/README.md says how to read the columns.
"""

import argparse
import multiprocessing
import sys
from pathlib import Path

from mmengine.config import DictAction

from surge_mmdet.analysis.step_contestants import EXAMPLE, Contestant
from surge_mmdet.analysis.step_cost import check_device
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
from surge_mmdet.analysis.step_trainer import Setup, serve

MEMORY = {
    'saved': 'saved MiB',
    'allocator': 'allocator peak MiB',
    'resident': 'resident peak MiB',
    'growth': 'its growth MiB',
}


class Entrant:
    """A contestant's process, seen from the main one."""

    def __init__(self, setup: Setup) -> None:
        context = multiprocessing.get_context('spawn')
        self.config = setup.config
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, daemon=True, args=(setup, theirs))
        self.process.start()
        theirs.close()  # so that the contestant's death is seen here

    def ask(self, request: str):
        """What the contestant answers; ends the program if it died."""
        try:
            self.pipe.send(request)
            return self.pipe.recv()
        except (EOFError, OSError):
            sys.exit(
                f'{self.config} ended with the error above. Check that '
                'the file exists and trains: python tools/train.py '
                f'{self.config}'
            )

    def close(self) -> None:
        self.pipe.send('')
        self.process.join()


def race(setups: dict, rounds: int, warmup: int) -> tuple:
    """Let these setups, by label, run against each other.

    Returns:
        tuple: By label the seconds of each round and the bytes; and what the
        first contestant tells about its steps.
    """
    entrants = {label: Entrant(setup) for label, setup in setups.items()}
    # An answer comes after the building, which no step may run beside.
    details = [entrant.ask('details') for entrant in entrants.values()]
    found = {label: dict(seconds=[]) for label in setups}
    for index in range(rounds + warmup):
        for label in round_order(setups, index):
            seconds = entrants[label].ask('step')
            if index >= warmup:
                found[label]['seconds'].append(seconds)
    for label, entrant in entrants.items():
        found[label].update(entrant.ask('memory'))
        entrant.close()
    return found, details[0]


def table(found: dict, base: str) -> str:
    """Markdown with a row per contestant, ratios to ``base``."""
    header = ['', 's/step', f'x {base} (25-75 %)']
    for title in MEMORY.values():
        header += [title, 'x']
    rows = []
    for label, row in found.items():
        cells = [label, *time_cells(row, found[base])]
        for key in MEMORY:
            cells += memory_cells(row, found[base], key)
        rows.append(cells)
    return markdown(header, rows)


def plan(args: argparse.Namespace) -> dict:
    """Title to the setups, by label, that run against each other."""
    common = dict(
        options=args.cfg_options,
        data=args.data,
        batch=args.batch,
        shape=args.shape and tuple(args.shape),
        device=args.device,
        threads=args.threads,
    )
    if not args.contestants:
        if len({Path(c).stem for c in args.configs}) < len(args.configs):
            raise ValueError(f'a config takes part twice. Name each once, or write {EXAMPLE}')
        return {'': {Path(c).stem: Setup(c, **common) for c in args.configs}}
    contestants = [Contestant.parse(text) for text in args.contestants]
    labels = [contestant.label for contestant in contestants]
    if len(set(labels)) < len(labels):
        raise ValueError(
            f'a contestant takes part twice: {", ".join(labels)}. Name each once: {EXAMPLE}'
        )
    return {
        config: {c.label: Setup(config, c, **common) for c in contestants}
        for config in args.configs
    }


def parse_arguments() -> tuple:
    """Arguments, races and the label of the base of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument(
        '--contestants',
        nargs='+',
        default=[],
        help='fp32, ste, ste-autograd, literal, surge, surge:KEY=VALUE,KEY=VALUE, config',
    )
    parser.add_argument(
        '--base', help='label in the table that ratios refer to (default STE, else the first)'
    )
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--warmup', type=int, default=2)
    parser.add_argument('--batch', type=int, help="default: the config's")
    parser.add_argument(
        '--data',
        choices=('synthetic', 'config'),
        default='synthetic',
        help='noise with boxes, or what the config trains on',
    )
    parser.add_argument(
        '--shape',
        type=int,
        nargs=2,
        metavar=('H', 'W'),
        help='of synthetic images (default: the scale of the test pipeline)',
    )
    parser.add_argument('--threads', type=int)
    parser.add_argument('--device', default='cpu', help='cpu (default), cuda')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    parser.add_argument('--out', type=Path, help='JSON file, every time')
    parser.add_argument('--markdown', type=Path, help='file for the table')
    args = parser.parse_args()
    for name, least, example in (
        ('rounds', 1, 10),
        ('warmup', 0, 2),
        ('batch', 1, 4),
        ('threads', 1, 1),
    ):
        value = getattr(args, name)
        if value is not None and value < least:
            parser.error(f'--{name} must be >= {least}: --{name} {example}')
    if args.shape and min(args.shape) < 1:
        parser.error('--shape must be positive: --shape 240 320')
    try:
        check_device(args.device)
        races = plan(args)
        bases = {title: choose_base(list(setups), args.base) for title, setups in races.items()}
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    return args, races, bases


def main() -> None:
    args, races, bases = parse_arguments()
    texts, content = [], []
    for title, setups in races.items():
        found, details = race(setups, args.rounds, args.warmup)
        told = conditions(
            device=args.device, data=args.data, rounds=args.rounds, warmup=args.warmup, **details
        )
        text = f'{conditions_text(told)}\n\n{table(found, bases[title])}\n'
        texts.append(f'## {title}\n\n{text}' if title else text)
        content.append(
            dict(config=title or args.configs, **told, base=bases[title], contestants=found)
        )
        print(texts[-1], flush=True)
        # After each table: a later race may fail.
        write('\n'.join(texts), dict(races=content), args.markdown, args.out)


if __name__ == '__main__':
    main()
