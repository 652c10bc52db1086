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
from collections.abc import Iterator, Sequence
from pathlib import Path

from surge_mmdet.analysis.conditions import conditions, conditions_text
from surge_mmdet.analysis.inference_cost import (
    CLOCKS,
    DEFAULT_SETS,
    LABELS,
    PACKAGES,
    SETS,
    Pace,
    check_isa,
    held_to,
    measure,
    ratios_table,
    raw,
    runtime_conditions,
    times_table,
)
from surge_mmdet.analysis.inference_cost.detectors import LABELS as DETECTOR_LABELS
from surge_mmdet.analysis.inference_cost.detectors import Setup, check_setup, measure_detector
from surge_mmdet.analysis.tables import write_json, write_record, write_text
from surge_mmdet.errors import unknown
from surge_mmdet.writable import out_file


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
    common(layers, rounds=20)
    detector = commands.add_parser('detector', help='one detector from tensor to boxes')
    detector.add_argument('config', metavar='CONFIG', help='with binary layers')
    detector.add_argument('--checkpoint', help='of its training; else weights are random')
    detector.add_argument(
        '--twin', metavar='CONFIG', help='float twin; else the same with every layer real'
    )
    detector.add_argument('--twin-checkpoint', help="of the twin's training")
    detector.add_argument('--image', help="to detect in; else noise of the config's size")
    detector.add_argument(
        '--data',
        choices=('synthetic', 'config'),
        default='synthetic',
        help="config: time the first test image, calibrate int8 on the config's training images",
    )
    detector.add_argument(
        '--accuracy',
        type=int,
        nargs='?',
        const=0,
        metavar='N',
        help="AP on the config's test data, or on its first N images",
    )
    detector.add_argument('--profile', action='store_true', help='where the time of ours goes')
    common(detector, rounds=7)
    return found


def common(found: argparse.ArgumentParser, rounds: int) -> None:
    """Options of both."""
    found.formatter_class = argparse.RawTextHelpFormatter
    found.add_argument(
        '--threads',
        type=count,
        nargs='+',
        default=[1],
        help='numbers of threads, a table for each; all for as many as there are cores',
    )
    found.add_argument('--rounds', type=int, default=rounds)
    found.add_argument('--warmup', type=int, default=1)
    found.add_argument('--contestants', nargs='+', metavar='LABEL', help='only these; default: all')
    found.add_argument('--isa', default='native', help='native (default), or avx2')
    found.add_argument(
        '--clock',
        choices=list(CLOCKS),
        default='wall',
        help='cpu: time of this process alone, for one thread on a machine that others use',
    )
    found.add_argument('--out', type=out_file, help='JSON file, with the time of every round')
    found.add_argument('--record', type=out_file, help='JSON of the tables, for docs/results')
    found.add_argument('--markdown', type=out_file, help='file for the tables')


def count(text: str) -> int:
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
        line.error('--rounds must be >= 1, --warmup >= 0: --rounds 20 --warmup 1')
    if args.clock == 'cpu' and max(args.threads) > 1:
        line.error('the cpu clock adds up all threads: write --threads 1, or --clock wall')
    try:
        check_isa(args.isa)
        check_labels(
            args.contestants or (), LABELS if args.command == 'layers' else DETECTOR_LABELS
        )
        if args.command == 'detector':
            check_setup(setup_of(args))
    except ValueError as error:
        line.error(str(error))
    return args


def check_labels(wanted: Sequence, known: Sequence) -> None:
    """Raise ValueError for a label that no contestant has."""
    for label in wanted:
        if label not in known:
            raise unknown('--contestants', label, known, "--contestants '{}'")


def setup_of(args: argparse.Namespace) -> Setup:
    """What the command line says of a detector."""
    return Setup(
        config=args.config,
        checkpoint=args.checkpoint,
        twin=args.twin,
        twin_checkpoint=args.twin_checkpoint,
        image=args.image,
        own_data=args.data == 'config',
        accuracy=args.accuracy,
        profile=args.profile,
    )


class Report:
    """Tables as they come, to the terminal and to files: a later one may fail.

    Args:
        args (argparse.Namespace): Of the command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.tables, self.results = args, {}, {}
        self.before = os.getloadavg()[0]

    def add(self, title: str, tables: dict, results: dict, **about) -> None:
        """One more section: its tables by name, every round's time, and what else was so."""
        self.tables |= tables
        self.results[title] = results
        self.about = conditions(
            PACKAGES,
            **runtime_conditions(self.args.isa),
            **about,
            rounds=self.args.rounds,
            warmup=self.args.warmup,
            clock=self.args.clock,
            load=f'{self.before:.1f} before, {os.getloadavg()[0]:.1f} after',
        )
        print(f'## {title}\n\n{self._text(tables)}\n', flush=True)
        head = conditions_text(self.about)
        write_text(f'{head}\n\n{self._text(self.tables)}\n', self.args.markdown)
        write_json(dict(**self.about, results=self.results), self.args.out)
        write_record(self.tables, self.args.record, **self.about)

    @staticmethod
    def _text(tables: dict) -> str:
        return '\n\n'.join(f'{name}:\n\n{table.markdown()}' for name, table in tables.items())

    def close(self) -> None:
        """Say under what it was measured."""
        print(conditions_text(self.about))


def main() -> None:
    args = parse_arguments()
    held_to(args.isa)
    warnings.filterwarnings('ignore')  # of exporters; nothing a user can mend
    report = Report(args)
    sections = of_layers if args.command == 'layers' else of_detector
    only = tuple(args.contestants or ())
    try:
        for threads in args.threads:
            pace = Pace(args.rounds, args.warmup, threads, args.isa, args.clock, only)
            for title, tables, results, about in sections(args, pace):
                report.add(title, tables, results, **about)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    report.close()


def of_layers(args: argparse.Namespace, pace: Pace) -> Iterator:
    """A section for each set of layers."""
    for name in args.sets:
        found = measure(SETS[name], pace)
        tables = {'times': times_table(found), 'ratios': ratios_table(SETS[name], found)}
        yield _section(SETS[name].title, name, pace, tables, raw(found))


def of_detector(args: argparse.Namespace, pace: Pace) -> Iterator:
    """The section of one detector."""
    tables, found, about = measure_detector(setup_of(args), pace)
    name = Path(args.config).stem
    yield _section(name, name, pace, tables, raw({name: found}), **about)


def _section(title: str, name: str, pace: Pace, tables: dict, results: dict, **about) -> tuple:
    """A title, tables by names that hold the number of threads, and the rest."""
    many = f'{pace.threads} thread{"s" * (pace.threads > 1)}'
    named = {f'{name}-threads{pace.threads}-{key}': table for key, table in tables.items()}
    return f'{title}, {many}', named, results, about


if __name__ == '__main__':
    main()
