"""A packed detector held against the simulated one it was made of, image by image."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple, Optional

import mmcv
import torch
from torch import Tensor, nn

from ..kernels import ops
from .load import load_packed
from .publish import open_checkpoint

IOU, SCORE = 0.5, 0.3
IMAGES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')


class Agreement(NamedTuple):
    """What two detectors found in the same images.

    Attributes:
        images (int): How many.
        found (tuple): Boxes of the simulated and of the packed detector with a
            score of :data:`SCORE` or more in at least one of the two.
        matched (int): Pairs of one class and an IoU of :data:`IOU` or more.
        iou (float): Mean over the pairs; NaN without pairs.
        score_difference (tuple): Mean and largest over the pairs.
        milliseconds (tuple): Median per image of both, with pre- and
            post-processing.
        ap, ap50 (tuple | None): COCO AP of both, and AP at an IoU of 0.5, where
            there is ground truth.
    """

    images: int
    found: tuple
    matched: int
    iou: float
    score_difference: tuple
    milliseconds: tuple
    ap: Optional[tuple]
    ap50: Optional[tuple]

    @property
    def share(self) -> float:
        """Matched pairs over the boxes of the detector that found more; NaN without boxes."""
        most = max(self.found)
        return self.matched / most if most else float('nan')

    def __str__(self) -> str:
        slow, fast = self.milliseconds
        mean, largest = self.score_difference
        lines = [
            f'{self.images} images, boxes with a score of at least {SCORE}: simulated '
            f'{self.found[0]}, packed {self.found[1]}'
        ]
        if self.matched:
            lines.append(
                f'  {self.matched} matched ({self.share:.1%}), mean IoU {self.iou:.4f}, scores '
                f'differ by {mean:.4f} (mean), {largest:.4f} (largest)'
            )
        else:
            lines.append('  nothing matched: there is nothing to compare')
        if self.ap:
            lines += [
                f'  {name}  simulated {both[0]:.4f}, packed {both[1]:.4f}'
                for name, both in (('AP', self.ap), ('AP50', self.ap50))
            ]
        lines.append(
            f'  per image  simulated {slow:.1f} ms, packed {fast:.1f} ms ({slow / fast:.2f} times '
            f'as fast): medians, {torch.get_num_threads()} threads, kernel {ops.kernel_name()}, '
            'with pre- and post-processing'
        )
        return '\n'.join(lines)


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
        FileNotFoundError: If there is no image.
        ValueError: If ``ann`` lacks an image, besides what
            :func:`open_checkpoint` and :func:`load_packed` raise.
    """
    paths = image_paths(images)
    numbers = image_ids(ann, paths) if ann else None
    models = (open_checkpoint(checkpoint, config), load_packed(packed))
    results, times = detect(models, paths)
    ap = ap50 = None
    if ann:
        both = [
            average_precision(*each, numbers, ann) for each in zip(models, results, strict=True)
        ]
        ap, ap50 = zip(*both, strict=True)
    return Agreement(
        **_compared(results),
        milliseconds=tuple(median(each) for each in times),
        ap=ap,
        ap50=ap50,
    )


def _compared(results: Sequence) -> dict:
    each = [match(simulated, packed) for simulated, packed in zip(*results, strict=True)]
    pairs = torch.cat([one.pairs for one in each])
    iou, difference = pairs.unbind(1)
    return dict(
        images=len(each),
        found=tuple(sum(one.found[i] for one in each) for i in (0, 1)),
        matched=len(pairs),
        iou=iou.mean().item(),
        score_difference=(
            difference.mean().item(),
            difference.max().item() if len(pairs) else float('nan'),
        ),
    )


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


def detect(models: Sequence[nn.Module], paths: Sequence) -> tuple:
    """Detections of each model in each image, and the milliseconds they took.

    The models take turns, so that what else the machine does burdens all.

    Returns:
        tuple: (per model a list of ``pred_instances``, per model a list of ms).

    Raises:
        ValueError: If an image cannot be read.
    """
    from mmdet.apis import inference_detector

    results, times = [[] for _ in models], [[] for _ in models]
    for number, path in enumerate(paths):
        image = _read(path)
        for model in models if number == 0 else ():
            inference_detector(model, image)  # the first run sets up
        for i, model in enumerate(models):
            start = time.perf_counter()
            found = inference_detector(model, image)
            times[i].append((time.perf_counter() - start) * 1e3)
            results[i].append(found.pred_instances)
    return results, times


def _read(path):
    image = mmcv.imread(str(path))
    if image is None:
        raise ValueError(f'{path} is no image that OpenCV can read')
    return image


class Matching(NamedTuple):
    """Boxes of one image: counts of both, and (IoU, difference of scores) of the pairs."""

    found: tuple
    pairs: Tensor


def match(ours, theirs, iou: float = IOU, score: float = SCORE) -> Matching:
    """Pair the boxes of two detectors in one image.

    The box with the highest score chooses first, the free box of its class
    with the largest overlap. A pair counts if one of its scores is at least
    ``score``: a threshold on both would split pairs.

    Args:
        ours, theirs (InstanceData): With ``bboxes`` (N, 4) in pixels,
            ``scores`` (N, ) and ``labels`` (N, ).
        iou (float): Least overlap of a pair.
        score (float): Least score.
    """
    from mmdet.structures.bbox import bbox_overlaps

    overlaps = bbox_overlaps(ours.bboxes, theirs.bboxes)
    overlaps[ours.labels[:, None] != theirs.labels[None]] = 0
    pairs = _pairs(overlaps, ours.scores, iou)
    strong = [(i, j) for i, j in pairs if max(ours.scores[i], theirs.scores[j]) >= score]
    rows = [(overlaps[i, j], abs(ours.scores[i] - theirs.scores[j])) for i, j in strong]
    alone = [
        sum(1 for i, value in enumerate(scores.tolist()) if value >= score and i not in taken)
        for scores, taken in (
            (ours.scores, {i for i, _ in pairs}),
            (theirs.scores, {j for _, j in pairs}),
        )
    ]
    found = tuple(len(rows) + count for count in alone)
    return Matching(found, torch.tensor(rows).reshape(-1, 2))


def _pairs(overlaps: Tensor, scores: Tensor, least: float) -> list:
    free, pairs = overlaps.clone(), []
    for i in scores.argsort(descending=True).tolist() if overlaps.numel() else ():
        best = int(free[i].argmax())
        if free[i, best] >= least:
            pairs.append((i, best))
            free[:, best] = 0
    return pairs


def image_ids(ann: str, paths: Sequence) -> list:
    """Ids of these images in ground truth of COCO's format, found by their names.

    Raises:
        ValueError: If it lacks one.
    """
    from pycocotools.coco import COCO

    numbers = {Path(row['file_name']).name: row['id'] for row in COCO(ann).dataset['images']}
    missing = [path.name for path in paths if path.name not in numbers]
    if missing:
        raise ValueError(
            f'{ann} has no image {missing[0]}. Name the annotations of these images: --ann FILE'
        )
    return [numbers[path.name] for path in paths]


def average_precision(model: nn.Module, results: list, numbers: list, ann: str) -> tuple:
    """COCO AP, and AP at an IoU of 0.5, over these images only.

    Args:
        model (nn.Module): Whose ``dataset_meta`` names the classes.
        results (list): ``pred_instances`` of each image.
        numbers (list): The images' ids in ``ann``.
        ann (str): Ground truth in COCO format.
    """
    from mmdet.evaluation import CocoMetric

    metric = CocoMetric(ann_file=ann, metric='bbox')
    metric.dataset_meta = model.dataset_meta
    metric.img_ids = numbers
    samples = [
        dict(img_id=number, ori_shape=(1, 1), pred_instances=found.to_dict())
        for number, found in zip(numbers, results, strict=True)
    ]
    metric.process({}, samples)
    found = metric.evaluate(len(samples))
    return found['coco/bbox_mAP'], found['coco/bbox_mAP_50']
