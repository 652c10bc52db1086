"""Small binary networks on digits: under which conditions does a method help?

    python tools/benchmark/regimes.py --seeds 1 2 3 4
    python tools/benchmark/regimes.py --regimes 'no shortcuts' --methods ste surge --seeds 1 2 3

Each method gets the best of three learning rates, chosen on images held out of
the training ones with three seeds that are not used again. The first method is what
the others are compared with. What is finished stays in --results, and another
call with more seeds, methods or regimes goes on from there.
"""

import argparse
import sys
from pathlib import Path

import torch

from surge_mmdet.analysis.conditions import conditions, conditions_text
from surge_mmdet.analysis.regimes import REGIMES, Screening, regimes_table
from surge_mmdet.analysis.tables import write_record, write_text
from surge_mmdet.writable import out_file

METHODS = ('ste', 'surge', 'tied', 'norm-preserving', 'polynomial')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--regimes', nargs='+', default=list(REGIMES), help=', '.join(REGIMES))
    parser.add_argument('--methods', nargs='+', default=METHODS, help='as in compare_methods.py')
    parser.add_argument('--seeds', nargs='+', type=int, default=[1, 2, 3])
    parser.add_argument('--results', type=out_file, default=Path('work_dirs/regimes.json'))
    parser.add_argument('--record', type=out_file, help='JSON of the table, for docs/results')
    parser.add_argument('--markdown', type=out_file, help='file for the table')
    args = parser.parse_args()
    try:
        screening = Screening(args.regimes, args.methods, args.seeds, args.results)
    except ValueError as error:
        parser.error(str(error))
    torch.set_num_threads(1)
    for line in screening.work():
        print(line, file=sys.stderr, flush=True)
    table, told = regimes_table(screening), conditions(threads=1)
    text = f'{conditions_text(told)}\n\n{table.markdown()}\n'
    print(text)
    write_text(text, args.markdown)
    write_record(dict(regimes=table), args.record, **told)


if __name__ == '__main__':
    main()
