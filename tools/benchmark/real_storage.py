"""Measure what `publish_model.py --real` does to a detector that the package ships.

    python tools/benchmark/real_storage.py bccd work_dirs/shipped_bccd/epoch_24.pth \\
        --record docs/results/real_storage.json

Packs the checkpoint with every storage of real weights and prints bytes, time,
boxes and AP on its test images, each beside float32.
"""

import argparse
import sys
import warnings
from pathlib import Path

import torch
from mmengine.logging import MMLogger

from surge_mmdet.analysis import shipped_models as shipped
from surge_mmdet.analysis.conditions import conditions
from surge_mmdet.analysis.tables import write_record
from surge_mmdet.kernels.ops import kernel_name
from surge_mmdet.shipped import SHIPPED, find_shipped
from surge_mmdet.writable import out_file

ROOT = Path(__file__).resolve().parents[2]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('name', metavar='|'.join(SHIPPED))
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='a file you trust: it is a pickle')
    parser.add_argument('--shifts', type=int, default=8, help='2 or more, default: 8')
    parser.add_argument('--record', type=out_file, metavar='FILE', help='write the table as JSON')
    args = parser.parse_args()
    if args.shifts < 2:
        parser.error(f'--shifts {args.shifts} give no spread. Write --shifts 8')
    return args


def main() -> None:
    args = parse_args()
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    # Detectors log their policies when they are built.
    MMLogger.get_instance('real_storage', log_level='WARNING')
    try:
        model = find_shipped(args.name)
        config = ROOT / 'configs' / model.config
        table = shipped.storage_table(model.name, args.checkpoint, config, args.shifts)
    except (ImportError, OSError, TypeError, ValueError) as error:
        sys.exit(str(error))
    print(table.markdown())
    about = conditions(
        config=f'configs/{model.config}',
        shifts=args.shifts,
        kernel=kernel_name(),
        threads=torch.get_num_threads(),
    )
    write_record(dict(storage=table), args.record, **about)


if __name__ == '__main__':
    main()
