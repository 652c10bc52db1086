"""A table of trained detectors, and their training curves as one picture.

    python tools/analysis_tools/result_table.py \\
        fp32=work_dirs/a ste=work_dirs/b surge=work_dirs/c --out work_dirs/results

Each folder is the --work-dir of a training in which a test has left its
detections:

    python tools/test.py CONFIG CHECKPOINT --work-dir WORK_DIR \\
        --cfg-options test_evaluator.outfile_prefix=WORK_DIR/test
"""

import argparse
import sys
from pathlib import Path

from surge_mmdet.analysis.conditions import conditions
from surge_mmdet.analysis.curves import plot_curves, rows_tables, run_row
from surge_mmdet.analysis.tables import write_json, write_record, write_text
from surge_mmdet.writable import out_file


def parse_runs(pairs: list) -> dict:
    """Label to folder."""
    runs = {}
    for pair in pairs:
        label, _, folder = pair.partition('=')
        if not folder or not Path(folder).is_dir():
            sys.exit(
                f'{pair!r} is not LABEL=FOLDER with an existing folder. '
                'Write: surge=work_dirs/quickstart'
            )
        runs[label] = folder
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('runs', nargs='+', metavar='LABEL=FOLDER')
    parser.add_argument('--prefix', default='test')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/results'),
        help='path without suffix: .md, .json, .png',
    )
    parser.add_argument('--record', type=out_file, help='JSON of the tables, for docs/results')
    args = parser.parse_args()
    runs = parse_runs(args.runs)
    try:
        rows = {label: run_row(folder, args.prefix) for label, folder in runs.items()}
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    tables = rows_tables(rows)
    text = '\n\n'.join(table.markdown() for table in tables.values())
    write_text(text, args.out.with_suffix('.md'))
    write_json(rows, args.out.with_suffix('.json'))
    write_record(tables, args.record, **conditions())
    plot_curves(runs, args.out.with_suffix('.png'))
    print(text)


if __name__ == '__main__':
    main()
