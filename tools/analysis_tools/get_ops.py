"""Operations and size of detectors, binary and real apart.

    python tools/analysis_tools/get_ops.py CONFIG --shape 600 1000
    python tools/analysis_tools/get_ops.py CONFIG CONFIG ...

One config gives a line per layer and the totals beside those of its FP32
twin, several a Markdown table with a line per config. Without --shape each
config is counted at the size of its test pipeline. docs/results/complexity.md says
what is counted.
"""

import argparse
import sys
import warnings

from mmengine.logging import MMLogger

from surge_mmdet.analysis.complexity import (
    check_shape,
    config_report,
    detectors_table,
    layers_text,
    totals_text,
    write,
)
from surge_mmdet.analysis.conditions import conditions
from surge_mmdet.analysis.loading import require_config
from surge_mmdet.analysis.tables import write_record
from surge_mmdet.cfg_options import CfgOptions
from surge_mmdet.writable import out_file


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument('--shape', nargs=2, type=int, metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument(
        '--cfg-options', nargs='+', action=CfgOptions, default={}, help='as in tools/test.py'
    )
    parser.add_argument('--out', metavar='PATH', help='x.csv, x.json, or x for both')
    parser.add_argument(
        '--record', type=out_file, metavar='FILE', help='JSON of the table, for docs/results'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    # Detectors log their policies when they are built.
    MMLogger.get_instance('get_ops', log_level='WARNING')
    try:
        if args.shape:
            check_shape(*args.shape)
        for path in args.configs:  # all of them, before minutes of counting
            require_config(path)
        reports = []
        for path in args.configs:
            print(f'counting {path}', file=sys.stderr)
            reports.append(config_report(path, args.shape, args.cfg_options))
    except (FileNotFoundError, TypeError, ValueError) as error:
        sys.exit(str(error))
    if len(reports) == 1:
        print(layers_text(reports[0]), totals_text(reports[0]), sep='\n\n')
    else:
        print(detectors_table(reports).markdown())
    for path in write(reports, args.out) if args.out else ():
        print(f'written: {path}')
    write_record(dict(detectors=detectors_table(reports)), args.record, **conditions())


if __name__ == '__main__':
    main()
