"""Time of packed layers and detectors beside other runtimes, interleaved in one run.

    python tools/benchmark/inference.py layers --threads 1 --rounds 20
    python tools/benchmark/inference.py detector CONFIG --checkpoint FILE --threads 1

A contestant's values are checked before its time counts; one that is wrong,
or not installed, stays in the table with the reason. ``--isa avx2`` holds all
that can be held to AVX2. tools/benchmark/README.md says who takes part, and
requirements/benchmark.txt has the packages.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

from surge_mmdet.analysis.conditions import conditions, conditions_text
from surge_mmdet.analysis.inference_cost import (
    DEFAULT_SETS,
    PACKAGES,
    SETS,
    check_isa,
    held_to,
    measure,
    ratios_table,
    raw,
    runtime_conditions,
    times_table,
)
from surge_mmdet.analysis.tables import write_json, write_record, write_text


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    found = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = found.add_subparsers(dest='command', required=True)
    layers = commands.add_parser('layers', help='single layers')
    layers.add_argument(
        '--sets',
        nargs='+',
        choices=list(SETS),
        default=DEFAULT_SETS,
        help='\n'.join(f'{name}: {each.title}' for name, each in SETS.items()),
    )
    common(layers, rounds=20, warmup=2)
    return found


def common(found: argparse.ArgumentParser, rounds: int, warmup: int) -> None:
    """Options of both."""
    found.formatter_class = argparse.RawTextHelpFormatter
    found.add_argument(
        '--threads',
        type=threads,
        nargs='+',
        default=[1],
        help='numbers of threads, a table for each; all for as many as there are cores',
    )
    found.add_argument('--rounds', type=int, default=rounds)
    found.add_argument('--warmup', type=int, default=warmup)
    found.add_argument('--isa', default='native', help='native (default), or avx2')
    found.add_argument('--out', type=Path, help='JSON file, with the time of every round')
    found.add_argument('--record', type=Path, help='JSON of the tables, for docs/results')
    found.add_argument('--markdown', type=Path, help='file for the tables')


def threads(text: str) -> int:
    """A number of threads, or ``all``."""
    if text == 'all':
        return os.cpu_count() or 1
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r}: write --threads 1 {os.cpu_count()}, or all')
    return int(text)


def parse_arguments() -> argparse.Namespace:
    """Checked arguments."""
    line = parser()
    args = line.parse_args()
    if args.rounds < 1 or args.warmup < 0:
        line.error('--rounds must be >= 1, --warmup >= 0: --rounds 20 --warmup 2')
    try:
        check_isa(args.isa)
    except ValueError as error:
        line.error(str(error))
    return args


class Report:
    """Tables as they come, to the terminal and to files: a later one may fail.

    Args:
        args (argparse.Namespace): Of the command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.tables, self.content = args, {}, {}
        self.before = os.getloadavg()[0]

    def add(self, title: str, tables: dict, content: dict) -> None:
        """One more section: its tables by name, and every round's time."""
        self.tables |= tables
        self.content[title] = content
        about = conditions(
            PACKAGES,
            **runtime_conditions(self.args.isa),
            rounds=self.args.rounds,
            warmup=self.args.warmup,
            load=f'{self.before:.1f} before, {os.getloadavg()[0]:.1f} after',
        )
        sections = '\n\n'.join(
            f'<!-- {name} -->\n\n{table.markdown()}' for name, table in tables.items()
        )
        print(f'## {title}\n\n{sections}\n', flush=True)
        every = '\n\n'.join(f'## {name}\n\n{t.markdown()}' for name, t in self.tables.items())
        write_text(f'{conditions_text(about)}\n\n{every}\n', self.args.markdown)
        write_json(dict(**about, results=self.content), self.args.out)
        write_record(self.tables, self.args.record, **about)
        self.about = about

    def close(self) -> None:
        """Say under what it was measured."""
        print(conditions_text(self.about))


def main() -> None:
    args = parse_arguments()
    held_to(args.isa)
    warnings.filterwarnings('ignore')  # of exporters; nothing a user can mend
    report = Report(args)
    for count in args.threads:
        for name in args.sets:
            found = measure(SETS[name], count, args.rounds, args.warmup, args.isa)
            title = f'{SETS[name].title}, {count} thread{"s" * (count > 1)}'
            key = f'{name}-threads{count}'
            tables = {
                f'{key}-times': times_table(found),
                f'{key}-ratios': ratios_table(SETS[name], found),
            }
            report.add(title, tables, raw(found))
    report.close()


if __name__ == '__main__':
    sys.exit(main())
