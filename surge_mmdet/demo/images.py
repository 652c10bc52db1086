"""Images of any kind in, pictures with boxes out; every mistake is one sentence."""

import os
from functools import lru_cache
from pathlib import Path

import cv2
import mmcv
import numpy as np

from ..onnx_detector.image import refuse_gif

PICTURES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')


def read_image(path) -> np.ndarray:
    """An image as the detectors were trained on it: (H, W, 3) uint8, BGR.

    Grey and CMYK images become coloured ones, 16 bits become 8, transparency
    is dropped, and a photograph is turned as its camera says.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no image, not a whole one, or a GIF.
    """
    path = Path(path)
    if not path.is_file():
        what = 'is a folder' if path.is_dir() else 'does not exist'
        raise FileNotFoundError(f'{path} {what}. Name one image, such as photograph.jpg')
    refuse_gif(path)
    try:
        image = mmcv.imread(str(path))
    except cv2.error:  # an empty file, or more pixels than OpenCV takes
        image = None
    if image is None:
        raise ValueError(
            f'{path} is no image that OpenCV can read, or was cut off ({path.stat().st_size} '
            'bytes). Open it in another program and save it again, for example as PNG'
        )
    return image


def check_picture(path, image=None) -> Path:
    """``path``, if a picture can be written there.

    Args:
        path: Of the picture.
        image: Of the image, which must not be overwritten.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If it is a folder or the image itself, or its ending is
            that of no picture.
        PermissionError: If the folder is closed to writing.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f'{path} is a folder. Write --out {path / "detections.jpg"}')
    if path.suffix.lower() not in PICTURES:
        raise ValueError(
            f'{path} ends like no picture ({", ".join(PICTURES)}). Write --out '
            f'{path.with_suffix(".jpg")}'
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f'the folder {path.parent} does not exist. Make it: mkdir -p {path.parent}'
        )
    if image is not None and path.exists() and path.samefile(image):
        raise ValueError(
            f'{path} is the image itself. Write --out {path.stem}_detected{path.suffix}'
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f'{path} cannot be written. Write --out with a folder of your own')
    return path


@lru_cache
def _visualizer():
    """One for all pictures, since each has a figure of its own; it keeps the last one."""
    from mmdet.visualization import DetLocalVisualizer

    class Keeping(DetLocalVisualizer):
        def add_image(self, name, image, step=0) -> None:
            self.kept = image

    return Keeping()


def drawn(image: np.ndarray, found, classes: dict) -> np.ndarray:
    """``image`` with boxes, classes and scores in percent, by mmdet's visualizer.

    Args:
        image (np.ndarray): (H, W, 3) uint8, BGR.
        found (InstanceData): What is drawn.
        classes (dict): ``dataset_meta`` of the detector.

    Returns:
        np.ndarray: As ``image``.
    """
    from mmdet.structures import DetDataSample

    visualizer = _visualizer()
    visualizer.dataset_meta = classes
    visualizer.add_datasample(
        'detections',
        mmcv.bgr2rgb(image),
        DetDataSample(pred_instances=found),
        draw_gt=False,
        pred_score_thr=-1.0,  # all that is there
    )
    return mmcv.rgb2bgr(visualizer.kept)


def draw(image: np.ndarray, found, classes: dict, path) -> None:
    """Write what :func:`drawn` gives to ``path``."""
    mmcv.imwrite(drawn(image, found, classes), str(path))
