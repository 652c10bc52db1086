"""A web page that shows float, simulated and packed detections side by side.

    python -m surge_mmdet.demo.web                               # the detectors of the package
    python -m surge_mmdet.demo.web --model detector.safetensors
    python -m surge_mmdet.demo.web --checkpoint epoch_12.pth --float float_epoch_12.pth

It is for this machine alone (127.0.0.1), until --host says otherwise.
"""

import argparse
import io
import socket
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path

from ...shipped import SHIPPED
from ..page import serving
from .decoding import MOST_MEGAPIXELS

NEEDED = "the page needs starlette and uvicorn ({}). Write pip install 'surge_mmdet[demo]'"


def parse_args(arguments=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        'python -m surge_mmdet.demo.web',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        '--model',
        metavar=f'{"|".join(SHIPPED)}|FILE',
        help='packed detector; default: all of the package, or that of --checkpoint',
    )
    parser.add_argument('--checkpoint', help='of the same detector: the simulated one')
    parser.add_argument('--config', help='of it; default: the one that it carries')
    parser.add_argument('--float', metavar='CHECKPOINT', help='of its float twin')
    parser.add_argument('--float-config', metavar='CONFIG', help='likewise')
    serving.add_options(parser)
    parser.add_argument('--max-mb', type=float, default=10, help='of an upload, default: 10')
    parser.add_argument(
        '--max-megapixels', type=float, default=25, help=f'default: 25, at most {MOST_MEGAPIXELS}'
    )
    args = parser.parse_args(arguments)
    _check(parser, args)
    return args


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    serving.check_options(parser, args)
    for own in ('max_mb', 'max_megapixels'):
        option, value = f'--{own.replace("_", "-")}', getattr(args, own)
        if not 0 < value <= 1000:
            parser.error(f'{option} is {value}. Write {option} {parser.get_default(own)}')
    if args.max_megapixels > MOST_MEGAPIXELS:
        parser.error(
            f'--max-megapixels is {args.max_megapixels:g}: no more than {MOST_MEGAPIXELS} are '
            f'decoded. Write --max-megapixels {MOST_MEGAPIXELS}'
        )
    for own, other in (('config', 'checkpoint'), ('float_config', 'float')):
        value = getattr(args, own)
        if value and not getattr(args, other):
            option = own.replace('_', '-')
            parser.error(
                f'--{option} needs its checkpoint: --{other} CHECKPOINT --{option} {value}'
            )
    if args.float and not (args.model or args.checkpoint):
        parser.error(
            f'--float alone has no twin. Write --float {args.float} --checkpoint CHECKPOINT'
        )


def main(arguments=None) -> None:
    args = parse_args(arguments)
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    try:
        with serving.listen(args.host, args.port) as server:
            load_and_serve(args, server)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(str(error))


def load_and_serve(args: argparse.Namespace, server: socket.socket) -> None:
    """Load the detectors and answer until Ctrl-C.

    Raises:
        ImportError, OSError, ValueError: If something is missing.
    """
    try:  # said to be missing before seconds of loading
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ImportError(NEEDED.format(error)) from error
    from .app import build_app

    app = build_app(load(args), serving.hosts_of(args.host, args.name))
    serving.serve(app, server, args.host)


def load(args: argparse.Namespace):
    """The page with its detectors."""
    from ..detecting import model_path
    from .app import Page
    from .groups import Detectors, own_group, shipped_group

    for file in (args.checkpoint, args.float):
        if file and not Path(file).is_file():
            raise FileNotFoundError(f'{file} is no file. Name a checkpoint of a training')
    if args.model:
        model_path(args.model)  # a wrong name is told before seconds of imports
    print('loading the detectors ...', flush=True)
    with redirect_stdout(io.StringIO()):  # what parts of mmdet print when they are imported
        if args.model or args.checkpoint:
            own = (args.model, args.checkpoint, args.config, args.float, args.float_config)
            groups = [own_group(*own)]
        else:
            groups = [shipped_group(name) for name in SHIPPED]
    return Page(Detectors(groups), int(args.max_mb * 1e6), int(args.max_megapixels * 1e6))


if __name__ == '__main__':
    main()
