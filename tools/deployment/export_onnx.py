"""Write a detector as ONNX: image in; boxes, scores and labels out.

    python tools/deployment/export_onnx.py CONFIG work_dirs/RUN/epoch_12.pth detector.onnx
    python tools/deployment/export_onnx.py detector.safetensors detector.onnx --verify FOLDER

Binary weights are stored as bits. The file holds standard operators only, with
suppression and RoIAlign inside, and takes images of any size.
docs/guides/onnx.md says how to use it without PyTorch.
"""

import argparse
import sys
import warnings

from mmengine.logging import MMLogger

from surge_mmdet.deploy.real_storage import REAL
from surge_mmdet.deploy.verify import check_images

INSTALL = "pip install 'surge_mmdet[export]'"


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        usage='%(prog)s [CONFIG] CHECKPOINT OUT.onnx [options]',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        'paths',
        nargs='+',
        metavar='PATH',
        help='[CONFIG] CHECKPOINT OUT.onnx. A packed .safetensors file in the place of a\n'
        'checkpoint needs no config, nor does a checkpoint that carries its own.\n'
        'A checkpoint is a pickle: name files you trust',
    )
    parser.add_argument(
        '--expand', action='store_true', help='weights as float32, for runtimes that fold nothing'
    )
    parser.add_argument(
        '--preprocess',
        action='store_true',
        help='resize and normalize in the graph: the input is (H, W, 3) uint8, blue, green, red',
    )
    parser.add_argument(
        '--real',
        metavar='|'.join(REAL),
        help=f'type of the real weights, default: {REAL[0]}; a packed file has its own, and\n'
        'takes no --real',
    )
    parser.add_argument(
        '--verify',
        nargs='+',
        metavar='IMAGE',
        help='images or folders: compare detections with those of the packed detector',
    )
    parser.add_argument('--ann', help='ground truth of these images, COCO format: AP of both')
    args = parser.parse_args()
    if not 2 <= len(args.paths) <= 3:
        parser.error('write [CONFIG] CHECKPOINT OUT.onnx, options behind')
    if args.ann and not args.verify:
        parser.error('--ann is about the images of --verify: write --verify FOLDER --ann FILE')
    return args


def main() -> None:
    args = parse_args()
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    # Detectors log their policies when they are built.
    MMLogger.get_instance('export_onnx', log_level='WARNING')
    *config, checkpoint, out = args.paths
    try:
        if args.verify:
            check_images(args.verify, args.ann)  # before anything is written
        from surge_mmdet.deploy.onnx_export import export, packed_source, verify

        content = packed_source(checkpoint, config[0] if config else None, args.real)
        print(export(content, out, args.expand, args.preprocess))
        if args.verify:
            print(verify(content, out, args.verify, args.ann))
    except ModuleNotFoundError as error:
        sys.exit(f'{error}. Run: {INSTALL}')
    except (ImportError, OSError, TypeError, ValueError) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
