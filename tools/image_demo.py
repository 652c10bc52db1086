"""Detect in an image, a folder of images, a video or a camera, and draw the boxes.

    python tools/image_demo.py PHOTOGRAPH.jpg
    python tools/image_demo.py FOLDER --model detector.safetensors --out-dir found
    python tools/image_demo.py VIDEO.mp4 --checkpoint epoch_12.pth --config CONFIG
    python tools/image_demo.py 0 --limit 500          # camera 0; Ctrl-C ends it as well

Pictures keep their names, a video becomes VIDEO.mp4 in the folder of the results.
It ends with 1 if images of a folder were left out, after all others.
A checkpoint may hold a float or a 1-bit detector. docs/guides/demos.md says more.
"""

import argparse
import io
import sys
import warnings
from contextlib import redirect_stdout

from surge_mmdet.shipped import SHIPPED


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('input', metavar='INPUT', help='image, folder, video or number of a camera')
    parser.add_argument(
        '--model',
        metavar=f'{"|".join(SHIPPED)}|FILE',
        help=f'packed detector; default: {next(iter(SHIPPED))}',
    )
    parser.add_argument('--checkpoint', help='of a training; a file you trust: it is a pickle')
    parser.add_argument('--config', help='default: the one that the checkpoint carries')
    parser.add_argument('--out-dir', default='found', help='default: found')
    parser.add_argument('--score-thr', type=float, default=0.3, help='least score, default: 0.3')
    parser.add_argument('--limit', type=int, metavar='N', help='stop after N images or frames')
    args = parser.parse_args()
    if not 0 <= args.score_thr <= 1:
        parser.error(
            f'--score-thr is {args.score_thr}: scores are from 0 to 1. Write --score-thr 0.3'
        )
    if args.limit is not None and args.limit < 1:
        parser.error(f'--limit is {args.limit}. Write --limit 100, or leave it out')
    return args


def main() -> None:
    args = parse_args()
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    try:
        detect(args)
    except (OSError, ValueError) as error:
        sys.exit(str(error))


def detect(args: argparse.Namespace) -> None:
    """Mistakes of the command line come before mmdet's imports, which take seconds."""
    from surge_mmdet.demo.opening import open_one
    from surge_mmdet.demo.sources import open_source

    with open_source(args.input) as source:
        with redirect_stdout(io.StringIO()):  # what parts of mmdet print when they are imported
            from surge_mmdet.demo.running import check_folder, run

            folder = check_folder(args.out_dir, args.input)
            opened = open_one(args.model, args.checkpoint, args.config)
        print(f'{opened.kind} detector of {len(opened.classes)} classes ({opened.runs_on})')
        done = run(opened, source, folder, args.score_thr, args.limit)
    print(done)
    if done.skipped:
        sys.exit(1)


if __name__ == '__main__':
    main()
