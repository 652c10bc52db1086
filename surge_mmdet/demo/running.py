"""A detector over a source: boxes drawn, files written, frames counted."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, Optional

import cv2
import mmcv
import numpy as np
from mmengine.utils import ProgressBar

from ..allocator import return_freed_memory
from .images import drawn
from .opening import Opened
from .sources import Source, images

TRIM_EVERY = 200  # images
CODEC = 'mp4v'  # in every build of OpenCV


class Summary(NamedTuple):
    """What was done.

    Attributes:
        written (Path): The video, the picture, or the folder of the pictures.
        count (int): Images or frames.
        boxes (int): All that were drawn.
        seconds (float): With reading, drawing and writing.
        detecting (float): Seconds of the detector, with pre- and post-processing.
        skipped (list[str]): Why images were left out.
        missing (int): Frames that the video announces and does not have.
    """

    written: Path
    count: int
    boxes: int
    seconds: float
    detecting: float
    skipped: list
    missing: int = 0

    def __str__(self) -> str:
        what = 'frame' if self.written.suffix == '.mp4' else 'image'
        lines = [
            f'{self.count} {what}{"s" * (self.count != 1)}, {self.boxes} boxes, '
            f'{self.count / self.seconds:.1f} per second; detecting alone '
            f'{self.count / self.detecting:.1f} per second',
            f'written: {self.written}',
        ]
        if self.missing > 0:
            lines.append(f'the video ends {self.missing} frames before it says: it may be cut off')
        return '\n'.join(lines + [f'left out: {reason}' for reason in self.skipped])


def check_folder(out: str, source: str) -> Path:
    """The folder of the results, which :func:`run` makes once there is something to write.

    Raises:
        ValueError: If it is a file, or is where the source is.
        PermissionError: If it cannot be made or written into.
    """
    folder, origin = Path(out), Path(source)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f'{folder} is a file. Write --out-dir with a folder')
    own = origin if origin.is_dir() else origin.parent
    if origin.exists() and folder.is_dir() and folder.samefile(own):
        raise ValueError(
            f'{folder} is the folder of {source}, whose images would be overwritten. Write '
            f'--out-dir {folder / "found"}'
        )
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise PermissionError(
            f'{folder} cannot be made or written into. Write --out-dir with a folder of your own'
        )
    return folder


def run(
    opened: Opened, source: Source, out: Path, score_thr: float, limit: Optional[int] = None
) -> Summary:
    """Detect in all of a source and write what is found.

    One image or frame is in memory at a time. Ctrl-C ends a camera or a video;
    what was written until then stays whole.

    Args:
        opened (Opened): The detector.
        source (Source): Of :func:`sources.open_source`.
        out (Path): Folder of the results.
        score_thr (float): Least score of a box.
        limit (int | None): Most images or frames.

    Raises:
        ValueError: If nothing could be read, or no video can be written.
    """
    skipped: list = []
    video = source.frames is not None
    named = (('', frame) for frame in source.frames) if video else images(source, skipped)
    named = islice(named, limit)
    first = next(named, None)
    if first is None:
        raise ValueError(f'nothing in {source.name} can be read: {skipped[0]}')
    out.mkdir(parents=True, exist_ok=True)
    count = min(source.count, limit or source.count) if source.count else limit or 0
    file = out / f'{Path(source.name).stem}.mp4'
    with _writer(file, first[1], source.rate) if video else _pictures(out) as write:
        counted = _each(opened, first, named, write, score_thr, count)
    written = file if video else out / first[0] if source.count == 1 else out
    missing = source.count - counted[0] if video and source.count and not limit else 0
    return Summary(written, *counted, skipped, missing)


def _each(opened: Opened, first: tuple, rest: Iterator, write, score_thr: float, count) -> tuple:
    """(Images, boxes, seconds, seconds of the detector) of all, the first included."""
    total, boxes, detecting = 0, 0, 0.0
    opened.detect(first[1], score_thr, set_up=False)  # the first run sets up
    bar, start = ProgressBar(count, file=sys.stderr), time.perf_counter()
    try:
        for name, image in chain([first], rest):
            found = opened.detect(image, score_thr, set_up=False)
            write(name, drawn(image, found.chosen, opened.model.dataset_meta))
            bar.update()
            total += 1
            if total % TRIM_EVERY == 0:
                return_freed_memory()
            boxes += len(found.chosen)
            detecting += found.milliseconds / 1e3
    except KeyboardInterrupt:
        if not total:
            raise
    print(file=sys.stderr)  # behind the bar
    return total, boxes, time.perf_counter() - start, detecting


@contextmanager
def _pictures(folder: Path) -> Iterator:
    yield lambda name, image: mmcv.imwrite(image, str(folder / name))


@contextmanager
def _writer(file: Path, frame: np.ndarray, rate: float) -> Iterator:
    height, width = frame.shape[:2]
    code = cv2.VideoWriter_fourcc(*CODEC)
    writer = cv2.VideoWriter(str(file), code, rate, (width, height))
    if not writer.isOpened():
        raise ValueError(
            f'OpenCV cannot write {file} ({width}x{height}, {CODEC}). Write --out-dir with a '
            'folder of your own, or give it frames of an even size'
        )
    try:
        yield lambda name, image: writer.write(image)
    finally:
        writer.release()
