"""An exported detector in ONNX Runtime."""

import json
import os
from collections.abc import Sequence
from typing import Optional

import numpy as np

from .. import __version__
from .file import check_classes, check_metadata, read_sealed
from .image import prepare, read_image

INSTALL = 'pip install onnxruntime numpy pillow'
NAMES = dict(boxes='bboxes', scores='scores', labels='labels')  # of the graph, of the result


class OnnxDetector:
    """A detector of ``tools/deployment/export_onnx.py`` in ONNX Runtime.

    Several threads may share one.

    Args:
        path: Of the ``.onnx`` file.
        threads (int | None): Of one detection, 1 or more; None for as many as ONNX Runtime takes.
        providers (list | None): Of ONNX Runtime; None for the processor.
        classes (Sequence[str] | None): Names that the file has to have, in the
            order of its labels; None for any.

    Attributes:
        classes (tuple[str]): Names, by label.
        metadata (dict[str, str]): Of the file.
        recipe (dict): What is done to an image in front of the network.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If ONNX Runtime is missing.
        ValueError: If it is another model, damaged, or of a later release; the
            text says what to do.
    """

    def __init__(
        self,
        path,
        threads: Optional[int] = None,
        providers: Optional[list] = None,
        classes: Optional[Sequence] = None,
    ) -> None:
        check_threads(threads)
        self.path = os.fspath(path)
        self.session = _session(self.path, threads, providers or ['CPUExecutionProvider'])
        self.metadata = dict(self.session.get_modelmeta().custom_metadata_map)
        check_metadata(self.path, self.metadata, __version__)
        self.classes = tuple(json.loads(self.metadata['classes']))
        if classes is not None:
            check_classes(self.path, self.classes, classes)
        self.recipe = json.loads(self.metadata['recipe'])
        self.prepares = self.metadata['input'] != 'uint8'  # else the graph does

    def __call__(self, image, score: float = 0.0) -> dict:
        """Detect in one image.

        Args:
            image: A path, or an array (H, W, 3) of uint8 in the order blue,
                green, red, as OpenCV reads it.
            score (float): Least score, from 0 to 1.

        Returns:
            dict[str, ndarray]: ``bboxes`` (N, 4) float32, x1, y1, x2, y2 in
            pixels of the image, ``scores`` (N, ) float32 and ``labels`` (N, )
            int64, the highest score first.

        Raises:
            FileNotFoundError, TypeError, ValueError: If it is no image.
        """
        check_score(score)
        if not isinstance(image, (np.ndarray, str, os.PathLike)):
            raise TypeError(
                f'an image is a path or an array, not {type(image).__name__}. Write '
                "detector('photograph.jpg'), once for each image"
            )
        array = image if isinstance(image, np.ndarray) else read_image(image)
        check_array(array)
        if self.prepares:
            array, scale = prepare(array, self.recipe)
        found = self.session.run(list(NAMES), {'image': np.ascontiguousarray(array)})
        result = dict(zip(NAMES.values(), found, strict=True))
        if self.prepares:
            result['bboxes'] = result['bboxes'] / scale
        strong = result['scores'] >= score
        return {name: value[strong] for name, value in result.items()}


def check_threads(threads) -> None:
    """Refuse what is no number of threads, by TypeError or ValueError."""
    if threads is None:
        return
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)):
        raise TypeError(f'threads is a number, not {threads!r}. Write threads=1')
    if threads < 1:
        raise ValueError(
            f'threads={threads}: there is at least one. Write threads=1, or leave it out for as '
            'many as ONNX Runtime takes'
        )


def check_score(score) -> None:
    """Refuse what no score can be, by TypeError or ValueError."""
    if not isinstance(score, (int, float, np.number)):
        raise TypeError(f'score is a number, not {score!r}. Write score=0.3')
    if not 0 <= score <= 1:
        raise ValueError(f'score={score}: scores are from 0 to 1. Write score=0.3')


def check_array(array: np.ndarray) -> None:
    """Refuse what is no image as OpenCV reads it.

    Raises:
        ValueError: With what it is.
    """
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ValueError(
            f'an image is an array (H, W, 3) of uint8, not {array.shape} of {array.dtype}. Read it '
            "by cv2.imread('photograph.jpg'), or give its path"
        )


def _session(path: str, threads: Optional[int], providers: list):
    data = read_sealed(path)
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f'ONNX Runtime is missing ({error}). Run: {INSTALL}') from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(data, options, providers=providers)
    except Exception as error:  # of classes that the package does not name
        raise ValueError(
            f'{path}: ONNX Runtime {onnxruntime.__version__} cannot load it ({error}). Update '
            'onnxruntime'
        ) from error
