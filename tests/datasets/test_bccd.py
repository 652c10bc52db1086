"""The real BCCD photographs, where the machine has them."""

from pathlib import Path

import pytest
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope


def build(split: str, root: Path):
    init_default_scope('mmdet')
    cfg = Config.fromfile(ROOT / 'configs/_base_/datasets/bccd_320x240.py')
    data = cfg.train_dataloader.dataset
    data.update(data_root=f'{root}/', ann_file=f'VOC2007/ImageSets/Main/{split}.txt')
    return DATASETS.build(data)


def is_flat(instance: dict) -> bool:
    x1, y1, x2, y2 = instance['bbox']
    return x2 <= x1 or y2 <= y1


@pytest.mark.parametrize('split, count', [('train', 205), ('val', 87), ('test', 72)])
def test_counts_of_the_splits(bccd_root, split, count):
    assert len(build(split, bccd_root)) == count


def test_boxes_without_area_never_reach_the_loss(bccd_root):
    found = 0
    for split in ('trainval', 'test'):
        data = build(split, bccd_root)
        for index in range(len(data)):
            instances = data.get_data_info(index)['instances']
            flat = sum(map(is_flat, instances))
            if flat:
                boxes = data[index]['data_samples'].gt_instances.bboxes
                assert len(boxes) == len(instances) - flat
                assert (boxes.areas > 0).all()
                found += flat
    assert found == 2  # as the source of the data says
