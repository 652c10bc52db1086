"""Pack a checkpoint as a detector that the package ships, and measure what it reaches.

    python tools/model_converters/ship_model.py bccd work_dirs/shipped_bccd/epoch_24.pth \\
        --teacher work_dirs/faster-rcnn_r18_fpn128_fp32_24e_bccd/epoch_24.pth

Writes surge_mmdet/shipped/NAME.safetensors, as publish_model.py does, and
docs/results/shipped_NAME.json: AP of the packed detector, of the simulated one
and of the float twin that it learned from on the splits that its card names,
and of the first two under many shifts that only rounding sees. write_tables.py
brings the figures into the card.
"""

import argparse
import sys
import warnings
from pathlib import Path

import torch
from mmengine.logging import MMLogger
from mmengine.runner.checkpoint import CheckpointLoader

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
    parser.add_argument(
        '--teacher', metavar='CHECKPOINT', required=True, help='of the float twin: it is a pickle'
    )
    parser.add_argument('--shifts', type=int, default=16, help='2 or more, default: 16')
    parser.add_argument(
        '--record',
        type=out_file,
        metavar='FILE',
        help='default: docs/results/shipped_NAME.json, for its card',
    )
    args = parser.parse_args()
    if args.shifts < 2:
        parser.error(f'--shifts {args.shifts} give no spread. Write --shifts 16')
    return args


def training(checkpoint: str) -> dict:
    """What a checkpoint says of its training."""
    meta = CheckpointLoader.load_checkpoint(checkpoint, 'cpu')['meta']
    return {key: meta[key] for key in ('epoch', 'iter', 'seed') if key in meta}


def main() -> None:
    args = parse_args()
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    # Detectors log their policies when they are built.
    MMLogger.get_instance('ship_model', log_level='WARNING')
    try:
        model = find_shipped(args.name)
        config = ROOT / 'configs' / model.config
        twin = shipped.teacher_reaches(model, args.teacher, config)
        published = shipped.pack(model, args.checkpoint, config)
        print(published, flush=True)
        found = shipped.compare(model, args.checkpoint, config)
        repeated = shipped.shaken(model, args.checkpoint, config, args.shifts)
        classes = shipped.objects(model, config)
    except (ImportError, OSError, TypeError, ValueError) as error:
        sys.exit(str(error))
    for split, each in found.items():
        print(f'{split}: {each}')
    tables = shipped.tables(published, found, twin, repeated, classes)
    print(tables['rounding'].markdown(), tables['objects'].markdown(), sep='\n\n')
    write_record(
        tables,
        args.record or ROOT / f'docs/results/shipped_{model.name}.json',
        **conditions(
            config=f'configs/{model.config}',
            training=training(args.checkpoint),
            kernel=kernel_name(),
            threads=torch.get_num_threads(),
            sha256=shipped.file_hash(model.path),
        ),
    )


if __name__ == '__main__':
    main()
