"""The folder of the page: what is in it, and when it may be written."""

import json
from pathlib import Path
from typing import NamedTuple, Optional

from ... import __version__
from ...onnx_detector.file import FORMAT, VERSION
from ...whole_files import write_whole
from ..page import STATIC, framed
from ..web.decoding import FORMATS, decode
from . import runtime

OWN = Path(__file__).parent / 'static'
INDEX, SETTINGS, MODEL = 'index.html', 'settings.json', 'model.onnx'
GENERATOR = '<meta name="generator" content="surge_mmdet'
MOST_BYTES = 25_000_000  # of an image
MOST_PIXELS = 16_000_000  # phones draw no canvas of more than 2 ** 24
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "connect-src 'self'; img-src 'self' blob:; style-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)
PARTS = dict(
    title='A 1-bit detector in the browser',
    head=f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    f'{GENERATOR} {__version__}">\n',
    how='in your browser',
    intro='One image through a detector that runs inside of this page, by ONNX Runtime Web. The '
    'image leaves neither the browser nor this device.',
    detector='<p class="label">Detector <span id="name"></span></p>\n<div class="open"><input '
    'type="file" id="model" accept=".onnx"><label for="model">Open an ONNX file</label></div>',
    picture='<canvas role="img"></canvas>',
    waiting='This page waits for its scripts. They need a web server: python -m http.server in '
    'the folder of the page.',
)
UNFINISHED = (  # an earlier page, so that the folder may be written again
    f'<!doctype html>\n{GENERATOR} {__version__}">\n<title>Unfinished</title>\n'
    'This page was not written to its end. Write it again.\n'
)


class Contents(NamedTuple):
    """What differs from page to page.

    Attributes:
        name (str): Of the detector.
        detects (str): What it finds.
        model (bytes): ONNX file.
        example (Path | None): An image to try.
    """

    name: str
    detects: str
    model: bytes
    example: Optional[Path] = None


def check_folder(folder) -> Path:
    """``folder``, if it is new, empty, or holds an earlier page.

    Raises:
        NotADirectoryError: If it is a file.
        ValueError: If it holds something else, which stays as it is.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f'{folder} is a file. Name a new folder for the page')
    if folder.is_dir() and any(folder.iterdir()) and not _is_page(folder):
        raise ValueError(f'{folder} holds other files. Write {folder / "page"}')
    return folder


def _is_page(folder: Path) -> bool:
    index = folder / INDEX
    return index.is_file() and GENERATOR in index.read_text('utf-8', errors='replace')


def check_example(path) -> Path:
    """``path``, if the page can show it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no image of a kind and size that the page takes.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} is no file. Name an image to try: --example IMAGE')
    content = path.read_bytes()
    if len(content) > MOST_BYTES:
        raise ValueError(f'{path} has more than {MOST_BYTES / 1e6:g} MB. Make it smaller')
    try:
        decode(content, MOST_PIXELS)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    return path


def write_page(folder: Path, contents: Contents, files: dict) -> int:
    """Write the page. Until its end, the index says that it is unfinished.

    Args:
        folder (Path): Of :func:`check_folder`.
        contents (Contents): Detector and example.
        files (dict): Of :func:`runtime.read_runtime`.

    Returns:
        int: Bytes of all files.
    """
    found = {f'static/{path.name}': path.read_bytes() for path in _scripts()}
    found.update({f'static/{name}': content for name, content in files.items()})
    found[MODEL] = contents.model
    example = contents.example and f'example{contents.example.suffix.lower()}'
    if example:
        found[example] = contents.example.read_bytes()
    found[SETTINGS] = json.dumps(_settings(contents, example), indent=1).encode()
    found[INDEX] = framed(**PARTS).encode()
    # All is read before anything changes: the example may lie in this folder.
    write_whole(folder / INDEX, UNFINISHED.encode())
    for name, content in found.items():
        write_whole(folder / name, content)
    _remove_examples(folder, {folder / example, contents.example} if example else ())
    return sum(map(len, found.values()))


def _remove_examples(folder: Path, kept) -> None:
    """Remove those of earlier pages."""
    for old in folder.glob('example.*'):
        if not any(old.samefile(path) for path in kept):
            old.unlink()


def _scripts() -> list:
    return sorted(path for place in (STATIC, OWN) for path in place.iterdir() if path.is_file())


def _settings(contents: Contents, example: Optional[str]) -> dict:
    return dict(
        name=contents.name,
        detects=contents.detects,
        model=MODEL,
        example=example,
        limits=dict(bytes=MOST_BYTES, pixels=MOST_PIXELS, formats=FORMATS),
        format=dict(name=FORMAT, version=VERSION),
        runtime=runtime.VERSION,
    )
