"""What the shipped detectors reach: AP, agreement and size, as a record for their cards."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory
from typing import NamedTuple

from mmengine.config import Config

from ..deploy import load_packed
from ..deploy.publish import Published, open_checkpoint, publish
from ..deploy.verify import Agreement, average_precision, detect, image_ids, image_paths, verify
from ..shipped import Shipped
from .tables import Column, Table

# What stands in the place of a config's test data, by model and split.
SPLITS = {
    'bccd': {
        split: dict(ann_file=f'VOC2007/ImageSets/Main/{split}.txt') for split in ('val', 'test')
    },
    'digits': {'val': {}, 'test': dict(data_root='data/demo_digits_test/')},
}
ROOTS = ('BCCD_ROOT', 'DEMO_ROOT')  # of data, in configs
DETECTORS = ('simulated', 'packed')
SHIFT = 2e-5  # of all pixels, whose values are 0 to 255; float32 just sees it


class Truth(NamedTuple):
    """Images of a split, and their objects in a file of COCO's format."""

    images: list
    ann: str


@contextmanager
def truth(dataset: Mapping) -> Iterator[Truth]:
    """Ground truth of a data set, as mmdet's evaluation writes it down.

    Args:
        dataset (Mapping): Config of a data set in test mode.

    Raises:
        FileNotFoundError, ValueError: As the data set.
    """
    from mmdet.evaluation import CocoMetric
    from mmdet.registry import DATASETS

    data = DATASETS.build(dict(dataset))
    rows = [data.get_data_info(i) for i in range(len(data))]
    metric = CocoMetric()
    metric.dataset_meta = data.metainfo
    objects = [dict(row, img_id=i, anns=row['instances']) for i, row in enumerate(rows)]
    with TemporaryDirectory() as folder:
        ann = Path(metric.gt_to_coco_json(objects, f'{folder}/truth'))
        content = json.loads(ann.read_text())
        for image, row in zip(content['images'], rows, strict=True):
            image['file_name'] = Path(row['img_path']).name
        ann.write_text(json.dumps(content))
        yield Truth([row['img_path'] for row in rows], str(ann))


def split_data(name: str, split: str, config: Path) -> dict:
    """Config of the data set of one split.

    Args:
        name (str): Key of :data:`SPLITS`.
        split (str): ``val`` or ``test``.
        config (Path): Of the detector.
    """
    data = Config.fromfile(config).test_dataloader.dataset
    return {**data.to_dict(), **SPLITS[name][split]}


@contextmanager
def without(*variables: str) -> Iterator[None]:
    """The environment without some of its variables, for a while."""
    kept = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


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


def shaken(model: Shipped, checkpoint, config: Path, times: int) -> list:
    """AP of both detectors on ``test`` again and again, under shifts that nobody could see.

    A value that is 0 but for rounding takes another sign under each shift, as
    it does in another order of additions. So the spread is what rounding alone
    does to AP, and the mean is what a detector reaches.

    Args:
        model (Shipped): The packed detector.
        checkpoint: Of the training.
        config (Path): Of the detector.
        times (int): How many shifts, multiples of :data:`SHIFT`.

    Returns:
        list[tuple[float, float]]: AP of the simulated and of the packed detector.
    """
    models = open_checkpoint(checkpoint, str(config)), load_packed(model.path)
    with truth(split_data(model.name, 'test', config)) as (images, ann):
        numbers = image_ids(ann, image_paths(images))
        found = []
        for _ in range(times):
            results, _ = detect(models, images)
            pairs = zip(models, results, strict=True)
            found.append(tuple(average_precision(*pair, numbers, ann)[0] for pair in pairs))
            for each in models:
                each.data_preprocessor.mean += SHIFT
    return found


def tables(published: Published, splits: Mapping[str, Agreement], repeated: list) -> dict:
    """Name to :class:`Table`, for the card.

    Args:
        published (Published): Of :func:`pack`.
        splits (Mapping[str, Agreement]): Of :func:`compare`.
        repeated (list): Of :func:`shaken`.
    """
    return dict(
        accuracy=_accuracy(splits),
        rounding=_rounding(repeated),
        agreement=_agreement(splits),
        size=_size(published.sizes),
    )


def file_hash(path: Path) -> str:
    """sha256 of a file, by which a record tells which file it is of."""
    return sha256(path.read_bytes()).hexdigest()


def _accuracy(splits: Mapping) -> Table:
    columns = [
        Column('split', 'split'),
        Column('images', 'images'),
        Column('detector', 'detector'),
        Column('AP', 'AP', '{:.3f}'),
        Column('AP50', 'AP50', '{:.3f}'),
    ]
    rows = [
        dict(split=split, images=found.images, detector=detector, AP=ap, AP50=ap50)
        for split, found in splits.items()
        for detector, ap, ap50 in zip(DETECTORS, found.ap, found.ap50, strict=True)
    ]
    return Table(columns, rows)


def _rounding(repeated: list) -> Table:
    simulated, packed = zip(*repeated, strict=True)
    difference = [theirs - ours for ours, theirs in repeated]
    columns = [
        Column('', 'detector'),
        Column('mean AP', 'mean', '{:.4f}'),
        Column('standard deviation', 'deviation', '{:.4f}'),
        Column('lowest and highest', 'range', '{:.3f} to {:.3f}'),
    ]
    rows = [
        dict(
            detector=label,
            mean=mean(values),
            deviation=stdev(values),
            range=[min(values), max(values)],
            values=values,
        )
        for label, values in (
            (DETECTORS[0], simulated),
            (DETECTORS[1], packed),
            ('packed less simulated', difference),
        )
    ]
    return Table(columns, rows)


def _agreement(splits: Mapping) -> Table:
    columns = [
        Column('split', 'split'),
        Column('boxes, simulated and packed', 'boxes', '{} and {}'),
        Column('matched', 'matched', '{:.1f} %', 100),
        Column('difference of scores, mean and largest', 'scores', '{:.4f} and {:.4f}'),
        Column('ms per image, simulated and packed', 'ms', '{:.0f} and {:.0f}'),
    ]
    rows = [
        dict(
            split=split,
            boxes=found.found,
            matched=found.share,
            scores=found.score_difference,
            ms=found.milliseconds,
        )
        for split, found in splits.items()
    ]
    return Table(columns, rows)


def _size(sizes: Mapping) -> Table:
    columns = [
        Column('', 'file'),
        Column('MB', 'bytes', '{:.2f}', 1e-6),
        Column('times the packed file', 'ratio', '{:.1f}'),
    ]
    labels = dict(
        packed='packed', checkpoint='checkpoint of the training', twin='weights of the float twin'
    )
    rows = [
        dict(file=labels[key], bytes=size, ratio=size / sizes['packed'])
        for key, size in (
            ('packed', sizes['packed']),
            ('twin', sizes['float twin']),
            ('checkpoint', sizes['checkpoint']),
        )
    ]
    return Table(columns, rows)
