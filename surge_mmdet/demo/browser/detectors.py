"""The ONNX file of the page, from what a user names."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

from ...onnx_detector import OnnxDetector
from ...onnx_detector.file import EXPORT, SUFFIX
from ...shipped import SHIPPED
from ..detecting import model_path
from .folder import MODEL, Contents

NEEDED = "to write ONNX, the package onnx is needed ({}). Run pip install 'surge_mmdet[export]'"


def contents_of(word: str, example: Optional[Path] = None) -> Contents:
    """The detector that ``--model`` means, as an ONNX file that prepares images itself.

    Args:
        word (str): Key of :data:`SHIPPED`, or path of a packed or an ONNX file.
        example (Path | None): An image to try; None for that of a shipped one.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a package is missing.
        ValueError: If it is no detector, cannot be exported, or was exported
            without ``--preprocess``.
    """
    about = SHIPPED.get(word)
    model, classes = _read(word) if word.endswith(SUFFIX) else _exported(word)
    detects = about.detects if about else ', '.join(classes)
    return Contents(
        Path(word).stem, detects, model, example or (about.photograph if about else None)
    )


def _read(path) -> tuple:
    """Bytes and classes of an ONNX file, after ONNX Runtime has loaded it."""
    detector = OnnxDetector(path, threads=1)
    if detector.prepares:
        raise ValueError(
            f'{path} leaves resizing to its caller, and the page does none. Export it again: '
            f'{EXPORT} --preprocess'
        )
    return Path(path).read_bytes(), detector.classes


def _exported(word: str) -> tuple:
    source = model_path(word)  # what is wrong is told before seconds of imports
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(NEEDED.format(error)) from error
    # What parts of mmdet print when they are imported, and detectors log when they are built.
    with redirect_stdout(io.StringIO()), TemporaryDirectory() as folder:
        from ...deploy.format import read as read_packed
        from ...deploy.onnx_export import export

        path = Path(folder) / MODEL
        export(read_packed(source), path, preprocess=True)
        return _read(path)
