"""Pack the detector of a checkpoint into a small file that runs fast on a CPU.

    python tools/model_converters/publish_model.py work_dirs/RUN/epoch_12.pth detector.safetensors
    python tools/model_converters/publish_model.py CHECKPOINT OUT --verify FOLDER --ann FILE.json

Binary weights take 1 bit each; auxiliary weights, statistics and the
optimiser's state stay behind. --verify compares the detections with those of
the checkpoint. docs/guides/deploy.md says what the file holds.
"""

import argparse
import sys
import warnings

from mmengine.logging import MMLogger

from surge_mmdet.deploy.publish import publish
from surge_mmdet.deploy.real_storage import REAL
from surge_mmdet.deploy.verify import check_images, verify


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='a file you trust: it is a pickle')
    parser.add_argument('out', metavar='OUT', help='ends in .safetensors')
    parser.add_argument('--config', help='default: the one that the checkpoint carries')
    parser.add_argument(
        '--real',
        default=REAL[0],
        metavar='|'.join(REAL),
        help='type of the real weights of convolutions and linear layers',
    )
    parser.add_argument('--verify', nargs='+', metavar='IMAGE', help='images or folders of images')
    parser.add_argument('--ann', help='ground truth of these images, COCO format: AP of both')
    args = parser.parse_args()
    if args.ann and not args.verify:
        parser.error('--ann is about the images of --verify: write --verify FOLDER --ann FILE')
    return args


def main() -> None:
    args = parse_args()
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    # Detectors log their policies when they are built.
    MMLogger.get_instance('publish_model', log_level='WARNING')
    try:
        if args.verify:
            check_images(args.verify, args.ann)  # before anything is written
        print(publish(args.checkpoint, args.out, args.config, args.real))
        if args.verify:
            print(verify(args.checkpoint, args.out, args.verify, args.config, args.ann))
    except (ImportError, OSError, TypeError, ValueError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
