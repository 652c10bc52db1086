"""Images one after the other: of a file, a folder, a video or a camera."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Optional

import cv2
import numpy as np

from .images import PICTURES, read_image

VIDEOS = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.wmv')
SEEN = (*PICTURES, '.gif')  # in a folder; what cannot be read of them is told
RATE = 25.0  # frames per second where the source says none
RATES = (1, 240)


class Source(NamedTuple):
    """What is detected in.

    Attributes:
        name (str): Of the file, folder or camera.
        paths (list | None): The images; None for frames.
        frames (Iterator | None): (H, W, 3) uint8, BGR; None for images.
        count (int): Of images or frames; 0 where nobody knows.
        rate (float): Frames per second.
    """

    name: str
    paths: Optional[list] = None
    frames: Optional[Iterator] = None
    count: int = 0
    rate: float = RATE


@contextmanager
def open_source(word: str) -> Iterator[Source]:
    """What ``INPUT`` means: a number is a camera, an ending of :data:`VIDEOS` a video.

    Args:
        word (str): Path of an image, a folder of images or a video; or a number.

    Raises:
        FileNotFoundError: If there is no such file or camera, or the folder is empty.
        ValueError: If it is an image or a video that cannot be read. The
            images of a folder are read later, one by one.
    """
    path = Path(word)
    if word.isdecimal() and not path.exists():
        with _capture(int(word)) as capture:
            yield _camera(capture, int(word))
    elif path.is_file() and path.suffix.lower() in VIDEOS:
        with _capture(str(path)) as capture:
            yield _video(capture, path)
    else:
        paths = _pictures(path)
        yield Source(path.name, paths, count=len(paths))


def _pictures(path: Path) -> list:
    if not path.is_dir():
        if not path.is_file():
            raise FileNotFoundError(
                f'{path} does not exist. Name an image, a folder, a video, or the number of a '
                'camera such as 0'
            )
        read_image(path)  # what is no image is told before seconds of loading
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix.lower() in SEEN)
    if not found:
        raise FileNotFoundError(f'{path} holds no image ({", ".join(PICTURES)}). Name another one')
    return found


@contextmanager
def _capture(source) -> Iterator[cv2.VideoCapture]:
    """OpenCV's, without its own words on what fails."""
    level = cv2.getLogLevel()
    cv2.setLogLevel(0)
    capture = cv2.VideoCapture(source)
    try:
        yield capture
    finally:
        capture.release()
        cv2.setLogLevel(level)


def _camera(capture: cv2.VideoCapture, number: int) -> Source:
    okay, first = capture.read() if capture.isOpened() else (False, None)
    if not okay:
        raise FileNotFoundError(
            f'camera {number} does not exist, gives no image, or is used by another program. '
            'On Linux, ls /dev/video* shows the cameras there are'
        )
    return Source(f'camera{number}', frames=_frames(capture, first), rate=_rate(capture))


def _video(capture: cv2.VideoCapture, path: Path) -> Source:
    okay, first = capture.read() if capture.isOpened() else (False, None)
    if not okay:
        raise ValueError(
            f'{path} is no video that OpenCV can read, or was cut off ({path.stat().st_size} '
            f'bytes). Convert it: ffmpeg -i {path} {path.stem}_again.mp4'
        )
    count = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
    return Source(path.name, frames=_frames(capture, first), count=count, rate=_rate(capture))


def _rate(capture: cv2.VideoCapture) -> float:
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if math.isfinite(rate) and RATES[0] <= rate <= RATES[1] else RATE


def _frames(capture: cv2.VideoCapture, image: np.ndarray) -> Iterator[np.ndarray]:
    okay = True
    while okay:
        yield image
        okay, image = capture.read()


def images(source: Source, skipped: list) -> Iterator[tuple]:
    """(Name, image) of each; what cannot be read of several is told in ``skipped``.

    Raises:
        ValueError: If the only image cannot be read.
    """
    for path in source.paths:
        try:
            image = read_image(path)
        except ValueError as error:
            if len(source.paths) == 1:
                raise
            skipped.append(str(error))
        else:
            yield path.name, image
