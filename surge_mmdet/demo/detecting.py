"""The file of a detector by its name, and what the detector finds in an image."""

import time
from math import floor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import unknown
from ..shipped import SHIPPED


class Found(NamedTuple):
    """What a detector found.

    Attributes:
        all (InstanceData): Every box it gives, the most certain first.
        chosen (InstanceData): Those with the asked score or more.
        milliseconds (float): With pre- and post-processing.
    """

    all: object
    chosen: object
    milliseconds: float


def model_path(word: str) -> Path:
    """The packed file that ``--model`` means.

    Args:
        word (str): Key of :data:`SHIPPED`, or path of a packed file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If ``word`` is neither.

    Examples:
        >>> model_path('bccd').name
        'bccd.safetensors'
    """
    if word in SHIPPED:
        return SHIPPED[word].path
    path = Path(word)
    if path.is_file():
        return path
    if path.suffix or path.exists():
        raise FileNotFoundError(
            f'{path} is no file. Name a packed detector, or one of {", ".join(SHIPPED)}'
        )
    raise unknown('--model', word, SHIPPED, '--model {}, or --model FILE.safetensors')


def detect(model, image: np.ndarray, score_thr: float, set_up: bool = True) -> Found:
    """Boxes in one image.

    Args:
        model (nn.Module): A detector of mmdet's.
        image (np.ndarray): (H, W, 3) uint8, BGR.
        score_thr (float): Least score of a chosen box.
        set_up (bool): Whether it runs once before the time is taken, as it
            should before the first image of a size.

    Raises:
        ValueError: If the image is so narrow that nothing is left of it once
            it is resized.
    """
    import cv2
    from mmdet.apis import inference_detector

    try:
        if set_up:
            inference_detector(model, image)
        start = time.perf_counter()
        sample = inference_detector(model, image)
    except cv2.error as error:
        height, width = image.shape[:2]
        raise ValueError(
            f'an image of {width}x{height} pixels cannot be resized for this detector. Cut it into '
            'parts that are less narrow'
        ) from error
    spent = (time.perf_counter() - start) * 1e3
    found = sample.pred_instances
    found = found[found.scores.argsort(descending=True)]
    return Found(found, found[found.scores >= score_thr], spent)


def lines(found: Found, classes, score_thr: float) -> list:
    """A line per chosen box: class, score, left, top, right, bottom; then what is not shown.

    Args:
        found (Found): Of :func:`detect`.
        classes (Sequence[str]): Names by label.
        score_thr (float): As it was asked for.
    """
    from ..text import aligned

    chosen = found.chosen
    rows = [
        [classes[label], f'{score:.2f}', *(f'{value:.1f}' for value in box)]
        for label, score, box in zip(
            chosen.labels.tolist(), chosen.scores.tolist(), chosen.bboxes.tolist(), strict=True
        )
    ]
    if rows:
        return aligned([['class', 'score', 'left', 'top', 'right', 'bottom'], *rows], left=1)
    if not len(found.all):
        return ['nothing found']
    best, label = found.all.scores[0].item(), found.all.labels[0].item()
    below = floor(100 * best) / 100  # 0.999 is not the 1.00 that was asked for
    return [
        f'nothing with a score of {score_thr} or more; the best is {classes[label]} {below:.2f}'
    ]
