"""Detect in an image with a trained 1-bit detector of the package, or a packed file.

    python -m surge_mmdet.demo                       # an image that comes with the package
    python -m surge_mmdet.demo PHOTOGRAPH --model bccd
    python -m surge_mmdet.demo PHOTOGRAPH --model detector.safetensors --out found.png

Prints a line per box and writes a picture with the boxes.
"""

import argparse
import io
import sys
import time
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Optional

from ..shipped import SHIPPED
from .detecting import detect, lines, model_path
from .images import check_picture, draw, read_image
from .sources import VIDEOS

DEFAULT = next(iter(SHIPPED))


def parse_args(arguments=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        'python -m surge_mmdet.demo',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    models = '\n'.join(f'{each.name}: {each.detects}' for each in SHIPPED.values())
    parser.add_argument('image', nargs='?', metavar='IMAGE', help='default: one of the package')
    parser.add_argument(
        '--model',
        default=DEFAULT,
        metavar=f'{"|".join(SHIPPED)}|FILE',
        help=f'default: {DEFAULT}\n{models}\nFILE: from publish_model.py',
    )
    parser.add_argument(
        '--out', metavar='PICTURE', help='default: IMAGE_detected.jpg in the present folder'
    )
    parser.add_argument('--score-thr', type=float, default=0.3, help='least score, default: 0.3')
    args = parser.parse_args(arguments)
    if not 0 <= args.score_thr <= 1:
        parser.error(
            f'--score-thr is {args.score_thr}: scores are from 0 to 1. Write --score-thr 0.3'
        )
    return args


def image_path(image: Optional[str], model: str) -> Path:
    """The named image, or the one that comes with the model.

    Raises:
        ValueError: If no image comes with it.
    """
    own = SHIPPED[model].photograph if model in SHIPPED else None
    if image is None and own is None:
        raise ValueError(
            f'no image comes with {model}. Write python -m surge_mmdet.demo IMAGE --model {model}'
        )
    return Path(own if image is None else image)


def check_one(path: Path) -> None:
    """Refuse what is many images, with the command for it.

    Raises:
        ValueError: If it is a folder or a video.
    """
    if path.is_dir() or (path.is_file() and path.suffix.lower() in VIDEOS):
        what = 'folder' if path.is_dir() else 'video'
        raise ValueError(
            f'{path} is a {what}, and this detects in one image. Write python tools/image_demo.py '
            f'{path}'
        )


def main(arguments=None) -> None:
    args = parse_args(arguments)
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    try:
        run(args)
    except (OSError, ValueError) as error:
        sys.exit(str(error))


def run(args: argparse.Namespace) -> None:
    """Detect, print and draw; mistakes of the command line come before mmdet's imports."""
    file = model_path(args.model)
    path = image_path(args.image, args.model)
    check_one(path)
    image = read_image(path)
    out = check_picture(args.out or f'{path.stem}_detected.jpg', path)
    start = time.perf_counter()
    with redirect_stdout(io.StringIO()):  # what parts of mmdet print when they are imported
        from ..deploy import load_packed

        model = load_packed(file)
        found = detect(model, image, args.score_thr)
    loaded = time.perf_counter() - start
    print('\n'.join(lines(found, model.dataset_meta['classes'], args.score_thr)))
    draw(image, found.chosen, model.dataset_meta, out)
    print(f'{found.milliseconds:.1f} ms ({how()}), after {loaded:.1f} s of loading')
    print(f'picture: {out}')
    if args.model in SHIPPED:
        print(
            f'{args.model} knows {SHIPPED[args.model].detects}; boxes in images of anything else '
            'mean nothing'
        )


def how() -> str:
    """What ran: ``kernel avx2, 2 threads``."""
    import torch

    from ..kernels.ops import kernel_name

    threads = torch.get_num_threads()
    return f'kernel {kernel_name()}, {threads} thread{"s" * (threads != 1)}'


if __name__ == '__main__':
    main()
