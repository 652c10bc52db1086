"""What a shipped detector reaches: AP, agreement, what rounding does, found objects."""

import json
from hashlib import sha256
from pathlib import Path

import torch

from ...deploy import load_packed
from ...deploy.agreement import IOU, SCORE
from ...deploy.checkpoint import open_checkpoint
from ...deploy.publish import Published, publish
from ...deploy.verify import average_precision, detect, image_ids, image_paths, verify
from ...shipped import Shipped
from .data import ROOTS, SPLITS, split_data, truth, without

SHIFT = 2e-5  # of all pixels, whose values are 0 to 255; float32 just sees it


def pack(model: Shipped, checkpoint, config: Path) -> Published:
    """Pack a checkpoint as a shipped detector; no folder of this machine gets into the file."""
    with without(*ROOTS):
        return publish(checkpoint, model.path, str(config))


def compare(model: Shipped, checkpoint, config: Path) -> dict:
    """Split to :class:`Agreement` of the packed detector with its checkpoint."""
    found = {}
    for split in SPLITS[model.name]:
        with truth(split_data(model.name, split, config)) as (images, ann):
            found[split] = verify(checkpoint, model.path, images, str(config), ann)
    return found


def teacher_reaches(model: Shipped, teacher, config: Path) -> dict:
    """Split to AP and AP50 of the float twin that a shipped detector learned from.

    Args:
        model (Shipped): The packed detector.
        teacher: Checkpoint of its teacher's training, with its config.
        config (Path): Of the shipped detector, whose splits are taken.
    """
    twin, found = open_checkpoint(teacher), {}
    for split in SPLITS[model.name]:
        with truth(split_data(model.name, split, config)) as (images, ann):
            (results,), _ = detect([twin], images)
            numbers = image_ids(ann, image_paths(images))
            found[split] = average_precision(twin, results, numbers, ann)
    return found


def shaken(model: Shipped, checkpoint, config: Path, times: int) -> dict:
    """AP of both detectors again and again, under shifts that nobody could see.

    A value that is 0 but for rounding takes another sign under each shift, as
    it does in another order of additions. So the spread is what rounding alone
    does to AP, and the mean is what a detector reaches.

    Args:
        model (Shipped): The packed detector.
        checkpoint: Of the training.
        config (Path): Of the detector.
        times (int): How many shifts, multiples of :data:`SHIFT`.

    Returns:
        dict[str, list[tuple[float, float]]]: By split, AP of the simulated and
        of the packed detector.
    """
    found = {}
    for split in SPLITS[model.name]:
        models = open_checkpoint(checkpoint, str(config)), load_packed(model.path)
        with truth(split_data(model.name, split, config)) as (images, ann):
            numbers = image_ids(ann, image_paths(images))
            found[split] = []
            for _ in range(times):
                results, _ = detect(models, images)
                pairs = zip(models, results, strict=True)
                reached = tuple(average_precision(*pair, numbers, ann)[0] for pair in pairs)
                found[split].append(reached)
                for each in models:
                    each.data_preprocessor.mean += SHIFT
    return found


def objects(model: Shipped, config: Path) -> list:
    """Of each class on ``test``: objects, those with a box, those with a box of their class.

    A box counts with a score of :data:`SCORE` or more and an IoU of
    :data:`IOU` or more.

    Args:
        model (Shipped): The packed detector.
        config (Path): Of the detector.

    Returns:
        list[dict]: ``class``, ``objects``, ``boxed``, ``found``, a row per class.
    """
    detector = load_packed(model.path)
    rows = [
        {'class': c, 'objects': 0, 'boxed': 0, 'found': 0} for c in detector.dataset_meta['classes']
    ]
    with truth(split_data(model.name, 'test', config)) as (images, ann):
        (results,), _ = detect([detector], images)
        content = json.loads(Path(ann).read_text())
        numbers = image_ids(ann, image_paths(images))
        for number, found in zip(numbers, results, strict=True):
            found = found[found.scores >= SCORE]
            for each in content['annotations']:
                if each['image_id'] == number:
                    labels = set(found.labels[_overlap(each['bbox'], found) >= IOU].tolist())
                    row = rows[each['category_id']]
                    row['objects'] += 1
                    row['boxed'] += bool(labels)
                    row['found'] += each['category_id'] in labels
    return rows


def _overlap(bbox: list, found) -> torch.Tensor:
    from mmdet.structures.bbox import bbox_overlaps

    left, top, width, height = bbox
    box = found.bboxes.new_tensor([[left, top, left + width, top + height]])
    return bbox_overlaps(box, found.bboxes)[0]


def file_hash(path: Path) -> str:
    """sha256 of a file, by which a record tells which file it is of."""
    return sha256(path.read_bytes()).hexdigest()
