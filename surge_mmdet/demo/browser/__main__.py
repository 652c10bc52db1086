"""Write a folder with a web page that detects inside the browser.

    npm pack onnxruntime-web@1.30.0                     # once, on any machine with npm
    python -m surge_mmdet.demo.browser page --serve     # a detector of the package
    python -m surge_mmdet.demo.browser page --model detector.safetensors --example photo.jpg

Any web server can serve the folder. Nothing is fetched from anywhere else.
"""

import argparse
import sys
import warnings

from ...shipped import SHIPPED
from ..page import serving
from .folder import check_example, check_folder, write_page
from .runtime import TARBALL, VERSION, read_runtime

TO_SERVE = (
    "--serve needs starlette and uvicorn ({}). Run pip install 'surge_mmdet[demo]', or the same "
    'without --serve, which says how Python serves the folder'
)


def parse_args(arguments=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        'python -m surge_mmdet.demo.browser',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument('folder', metavar='OUT_DIR', help='new, or with an earlier page')
    parser.add_argument(
        '--model',
        default='digits',
        metavar=f'{"|".join(SHIPPED)}|FILE',
        help='packed detector, or .onnx that was exported with --preprocess;\ndefault: digits',
    )
    parser.add_argument('--example', metavar='IMAGE', help='to try; digits has one')
    parser.add_argument('--runtime', metavar='FILE', help=f'default: {TARBALL} in this folder')
    parser.add_argument('--serve', action='store_true', help='the folder, until Ctrl-C')
    serving.add_options(parser)
    args = parser.parse_args(arguments)
    serving.check_options(parser, args)
    if not args.serve:
        for option in ('host', 'port', 'name'):
            value = getattr(args, option)
            if value != parser.get_default(option):
                value = value[0] if option == 'name' else value
                parser.error(f'--{option} is for the server. Write --serve --{option} {value}')
    return args


def main(arguments=None) -> None:
    args = parse_args(arguments)
    # Old-style calls inside mmdet and torch; nothing a user can mend.
    warnings.filterwarnings('ignore')
    try:
        if not args.serve:
            build(args)
            return
        with serving.listen(args.host, args.port) as server:
            build_app = _app_builder()
            build(args)
            serving.serve(
                build_app(args.folder, serving.hosts_of(args.host, args.name)), server, args.host
            )
    except (ImportError, OSError, ValueError) as error:
        sys.exit(str(error))


def build(args: argparse.Namespace) -> None:
    """Write the folder, once everything that goes into it is there.

    Raises:
        ImportError, OSError, ValueError: If something is missing or wrong.
    """
    folder = check_folder(args.folder)
    files = read_runtime(args.runtime)
    example = check_example(args.example) if args.example else None
    from .detectors import contents_of

    contents = contents_of(args.model, example)
    size = write_page(folder, contents, files)
    print(
        f'Wrote {folder}: {size / 1e6:.1f} MB, {len(contents.model) / 1e6:.2f} of it the detector '
        f'{contents.name}, {sum(map(len, files.values())) / 1e6:.1f} ONNX Runtime Web {VERSION}'
    )
    if not args.serve:
        print(f'To see it: python -m http.server --bind 127.0.0.1 --directory {folder}')


def _app_builder():
    try:  # said to be missing before seconds of loading
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ImportError(TO_SERVE.format(error)) from error
    from .app import build_app

    return build_app


if __name__ == '__main__':
    main()
