"""Draw the statistics of all binary layers by depth and time.

    python tools/analysis_tools/plot_binary_stats.py WORK_DIR [--out x.png]

The training needs custom_hooks=[dict(type='surge_mmdet.BinaryMonitorHook')].
docs/guides/when_training_diverges.md tells how to read the figure.
"""

import argparse
import sys
from pathlib import Path

from surge_mmdet.analysis.curves import plot_statistics
from surge_mmdet.writable import out_file


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('work_dir', type=Path)
    parser.add_argument('--out', type=out_file, help='default: WORK_DIR/binary_stats.png')
    args = parser.parse_args()
    target = args.out or args.work_dir / 'binary_stats.png'
    try:
        plot_statistics(args.work_dir, target)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    print(target)


if __name__ == '__main__':
    main()
