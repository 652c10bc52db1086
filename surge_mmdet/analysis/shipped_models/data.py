"""The images that shipped detectors are measured on."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ..loading import load_config

# What stands in the place of a config's test data, by model and split.
SPLITS = {
    'bccd': {
        split: dict(ann_file=f'VOC2007/ImageSets/Main/{split}.txt') for split in ('val', 'test')
    },
    'digits': {'val': {}, 'test': dict(data_root='data/demo_digits_test/')},
}
ROOTS = ('BCCD_ROOT', 'DEMO_ROOT')  # of data, in configs


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
    truths = [dict(row, img_id=i, anns=row['instances']) for i, row in enumerate(rows)]
    with TemporaryDirectory() as folder:
        ann = Path(metric.gt_to_coco_json(truths, f'{folder}/truth'))
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
    data = load_config(str(config)).test_dataloader.dataset
    return {**data.to_dict(), **SPLITS[name][split]}


@contextmanager
def without(*variables: str) -> Iterator[None]:
    """The environment without some of its variables, for a while."""
    kept = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
