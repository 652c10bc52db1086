"""A packed detector held against the simulated one it was made of, image by image."""

import io
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from itertools import cycle, islice
from pathlib import Path
from typing import Optional

import mmcv
from torch import nn

from .agreement import Agreement, agreement
from .checkpoint import open_checkpoint
from .load import load_packed

RUNS = 20  # of each detector, at least, for the times
IMAGES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')


def verify(
    checkpoint, packed, images: Sequence, config: Optional[str] = None, ann: Optional[str] = None
) -> Agreement:
    """Compare detections of a packed file with those of its checkpoint.

    Args:
        checkpoint: Of the training.
        packed: The packed file.
        images (Sequence): Paths of images, or of folders of images.
        config (str | None): Path; None for the one in the checkpoint.
        ann (str | None): Ground truth of the images in COCO format.

    Raises:
        FileNotFoundError: If there is no image, or no ``ann``.
        ValueError: If ``ann`` lacks an image or is no ground truth, besides what
            :func:`open_checkpoint` and :func:`load_packed` raise.
    """
    paths, numbers = check_images(images, ann)
    models = (open_checkpoint(checkpoint, config), load_packed(packed))
    results, times = detect(models, paths, RUNS)
    precisions = [
        average_precision(*each, numbers, ann) for each in zip(models, results, strict=True) if ann
    ]
    return agreement(results, times, precisions)


def check_images(images: Sequence, ann: Optional[str]) -> tuple:
    """(Paths, ids in ``ann`` or None) of the images that :func:`verify` would take.

    Raises:
        FileNotFoundError, ValueError: As :func:`verify`.
    """
    paths = image_paths(images)
    return paths, image_ids(ann, paths) if ann else None


def image_paths(images: Sequence) -> list:
    """Files, and the images of folders in the order of their names.

    Raises:
        FileNotFoundError: If one is missing, or there is none.
    """
    found = []
    for path in map(Path, images):
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGES)
            if not inside:
                raise FileNotFoundError(f'{path} holds no image. Write --verify FOLDER/*.jpg')
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise FileNotFoundError(f'{path} does not exist. Write --verify IMAGE or FOLDER')
    if not found:
        raise FileNotFoundError('no image is named. Write --verify IMAGE or FOLDER')
    return found


def detect(models: Sequence[nn.Module], paths: Sequence, runs: int = 0) -> tuple:
    """Detections of each model in each image, and the milliseconds they took.

    The models take turns, each as often the first, so that what else the
    machine does burdens all.

    Args:
        models (Sequence[nn.Module]): Detectors of mmdet's.
        paths (Sequence): Of the images.
        runs (int): Least number of times for each model. Where there are
            fewer images, they are taken again, for the times only.

    Returns:
        tuple: (per model a list of ``pred_instances``, per model a list of ms).

    Raises:
        ValueError: If an image cannot be read.
    """
    from mmdet.apis import inference_detector

    results, times = [[] for _ in models], [[] for _ in models]
    count = max(len(paths), runs)
    for number, path in enumerate(islice(cycle(paths), count)):
        image = _read(path)
        for model in models if number == 0 else ():
            inference_detector(model, image)  # the first run sets up
        for i in range(len(models))[:: -1 if number % 2 else 1]:
            start = time.perf_counter()
            found = inference_detector(models[i], image)
            times[i].append((time.perf_counter() - start) * 1e3)
            if number < len(paths):
                results[i].append(found.pred_instances)
    return results, times


def _read(path):
    image = mmcv.imread(str(path))
    if image is None:
        raise ValueError(f'{path} is no image that OpenCV can read')
    return image


def image_ids(ann: str, paths: Sequence) -> list:
    """Ids of these images in ground truth of COCO's format, found by their names.

    Raises:
        ValueError: If it lacks one.
    """
    numbers = {Path(row['file_name']).name: row['id'] for row in _rows(ann)}
    missing = [path.name for path in paths if path.name not in numbers]
    if missing:
        raise ValueError(
            f'{ann} has no image {missing[0]}. Name the annotations of these images: --ann FILE'
        )
    return [numbers[path.name] for path in paths]


def _rows(ann: str) -> list:
    """The images of ground truth in COCO's format."""
    from pycocotools.coco import COCO

    try:
        with redirect_stdout(io.StringIO()):
            return COCO(ann).dataset['images']
    except FileNotFoundError:
        raise FileNotFoundError(f'{ann} does not exist. Write --ann FILE.json') from None
    except (AssertionError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{ann} is no ground truth in COCO format ({error!r}). Write --ann FILE.json, with '
            'images, annotations and categories'
        ) from error


def average_precision(model: nn.Module, results: list, numbers: list, ann: str) -> tuple:
    """COCO AP, and AP at an IoU of 0.5, over these images only.

    Args:
        model (nn.Module): Whose ``dataset_meta`` names the classes.
        results (list): ``pred_instances`` of each image.
        numbers (list): The images' ids in ``ann``.
        ann (str): Ground truth in COCO format.
    """
    from mmdet.evaluation import CocoMetric

    with redirect_stdout(io.StringIO()):  # twelve lines for each detector
        metric = CocoMetric(ann_file=ann, metric='bbox')
        metric.dataset_meta = model.dataset_meta
        metric.img_ids = numbers
        metric.process({}, [_sample(*pair) for pair in zip(numbers, results, strict=True)])
        found = metric.evaluate(len(results))
    return found['coco/bbox_mAP'], found['coco/bbox_mAP_50']


def _sample(number: int, found) -> dict:
    return dict(img_id=number, ori_shape=(1, 1), pred_instances=found.to_dict())
