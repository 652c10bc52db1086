"""Check a data set before training: files, boxes, classes, split.

    python tools/dataset_converters/check_dataset.py config CONFIG
    python tools/dataset_converters/check_dataset.py voc FOLDER
    python tools/dataset_converters/check_dataset.py voc FOLDER \\
        --classes cat dog
    python tools/dataset_converters/check_dataset.py coco FOLDER

The first checks everything that CONFIG reads, the others what our PASCAL VOC
2007+2012 configs, your own classes in VOC layout and our COCO 2017 configs
read in FOLDER. For a config the first batch of each loader is tried, too.
Nothing is changed. Exit status 0: usable, 1: not usable, 2: no data to check,
because the config or an option is wrong.
"""

import argparse
import json
import sys
from pathlib import Path

from mmengine.config import Config

from surge_mmdet.cfg_options import CfgOptions
from surge_mmdet.datasets.inspection import (
    as_json,
    as_text,
    coco_config,
    inspect,
    sources_of,
    voc_config,
)
from surge_mmdet.overrides import merge_options, read_config
from surge_mmdet.whole_files import write_whole
from surge_mmdet.writable import out_file


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('form', choices=('config', 'voc', 'coco'))
    parser.add_argument(
        'path', help='a config, or the folder that contains VOC2007/ or annotations/'
    )
    parser.add_argument(
        '--classes', nargs='+', default=(), help='your own classes, in the order of the config'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=CfgOptions, default={}, help='as in tools/train.py'
    )
    parser.add_argument(
        '--skip-images', action='store_true', help='do not open the images, only look for them'
    )
    parser.add_argument('--out', type=out_file, help='write all findings as JSON')
    args = parser.parse_args()
    if args.form == 'config' and args.classes:
        parser.error(
            'a config has its own classes: leave --classes out, or '
            'write --cfg-options train_dataloader.dataset.metainfo.'
            "classes=\"('cat', 'dog')\""
        )
    if not Path(args.path).exists():
        parser.error(f'{args.path} does not exist')
    return args


def config_of(args: argparse.Namespace) -> Config:
    if args.form == 'config':
        cfg = read_config(args.path)
        merge_options(cfg, args.cfg_options)
        return cfg
    make = voc_config if args.form == 'voc' else coco_config
    return make(args.path, tuple(args.classes))


def describe(error: Exception) -> str:
    """An error in words: ours and the system's say enough without their type."""
    spoken = isinstance(error, (ValueError, TypeError, OSError))
    return str(error) if spoken else f'{type(error).__name__}: {error}'


def main() -> int:
    args = parse_args()
    # Names in a file may be more than the terminal can show.
    sys.stdout.reconfigure(errors='backslashreplace')
    try:
        cfg = config_of(args)
        sources = sources_of(cfg)
    except Exception as error:  # a config is a program, and may raise anything
        print(f'{args.path}: {describe(error)}', file=sys.stderr)
        return 2
    shared = inspect(
        sources, open_images=not args.skip_images, cfg=cfg if args.form == 'config' else None
    )
    print(as_text(sources, shared))
    content = as_json(sources, shared)
    if args.out:
        try:
            write_whole(args.out, json.dumps(content, indent=1).encode())
        except OSError as error:
            print(f'--out {args.out}: {error}', file=sys.stderr)
            return 2
    return 0 if content['usable'] else 1


if __name__ == '__main__':
    sys.exit(main())
