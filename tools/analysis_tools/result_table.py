"""A table of trained detectors, and their training curves as one picture.

    python tools/analysis_tools/result_table.py \\
        fp32=work_dirs/a ste=work_dirs/b surge=work_dirs/c --out docs/results

Each folder is the --work-dir of a training in which a test has left its
detections:

    python tools/test.py CONFIG CHECKPOINT --work-dir WORK_DIR \\
        --cfg-options test_evaluator.outfile_prefix=WORK_DIR/test
"""

import argparse
import json
import sys
from pathlib import Path

from surge_mmdet.analysis import plot_curves
from surge_mmdet.analysis.results import markdown_table, run_row

TIME_COLUMNS = ('s/step', 'iterations', 'skipped steps')


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
    args = parser.parse_args()
    runs = parse_runs(args.runs)
    rows = {label: run_row(folder, args.prefix) for label, folder in runs.items()}
    columns = list(dict.fromkeys(k for row in rows.values() for k in row))
    accuracy = [c for c in columns if c.startswith('AP')]
    size = [c for c in columns if c not in (*accuracy, *TIME_COLUMNS)]
    text = '\n\n'.join(markdown_table(rows, part) for part in (accuracy, size, list(TIME_COLUMNS)))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix('.md').write_text(text + '\n')
    args.out.with_suffix('.json').write_text(json.dumps(rows, indent=1))
    plot_curves(runs, args.out.with_suffix('.png'))
    print(text)


if __name__ == '__main__':
    main()
