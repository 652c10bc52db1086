"""Measure the ONNX files of a detector that the package ships.

    python tools/benchmark/onnx_files.py bccd --record docs/results/onnx.json

Exports it in its forms, and its float twin. Says how large they are, what AP
and which boxes ONNX Runtime and OpenVINO give beside load_packed on the splits
of its card, and how long one image takes, all of them by turns on one thread.
"""

import argparse
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from mmengine.logging import MMLogger

from surge_mmdet.analysis import shipped_models as shipped
from surge_mmdet.analysis.conditions import conditions
from surge_mmdet.analysis.tables import write_record
from surge_mmdet.kernels.ops import kernel_name
from surge_mmdet.shipped import SHIPPED, find_shipped
from surge_mmdet.writable import out_file

ROOT = Path(__file__).resolve().parents[2]
INSTALL = 'pip install -r requirements/benchmark.txt -c requirements/constraints.txt'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('name', metavar='|'.join(SHIPPED))
    parser.add_argument('--rounds', type=int, default=30, help='of the times, default: 30')
    parser.add_argument('--record', type=out_file, metavar='FILE', help='write the tables as JSON')
    args = parser.parse_args()
    if args.rounds < 2:
        parser.error(f'--rounds {args.rounds} give no spread. Write --rounds 30')
    return args


def main() -> None:
    args = parse_args()
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    # Detectors log their policies when they are built.
    MMLogger.get_instance('onnx_files', log_level='WARNING')
    torch.set_num_threads(1)
    try:
        model = find_shipped(args.name)
        tables = measured(model, ROOT / 'configs' / model.config, args.rounds)
    except ModuleNotFoundError as error:
        sys.exit(f'{error}. Run: {INSTALL}')
    except (ImportError, OSError, TypeError, ValueError) as error:
        sys.exit(str(error))
    print(*(table.markdown() for table in tables.values()), sep='\n\n')
    about = conditions(
        ('onnx', 'onnxruntime', 'openvino'),
        config=f'configs/{model.config}',
        rounds=args.rounds,
        kernel=kernel_name(),
        threads=1,
        sha256=shipped.file_hash(model.path),
    )
    write_record(tables, args.record, **about)


def measured(model, config: Path, rounds: int) -> dict:
    """Name to table."""
    from mmdet.utils import register_all_modules

    from surge_mmdet.analysis import onnx_files
    from surge_mmdet.deploy.onnx_export import packed_source

    register_all_modules()
    content = packed_source(model.path)
    with shipped.truth(shipped.split_data(model.name, 'test', config)) as split:
        image = Path(split.images[0])
    with TemporaryDirectory() as folder:
        size = model.path.stat().st_size
        paths, sizes = onnx_files.written(content, size, Path(folder), image)
        return dict(
            size=sizes,
            agreement=onnx_files.agreement_table(model, content, paths, config),
            times=onnx_files.times_table(content, paths, image, rounds),
        )


if __name__ == '__main__':
    main()
