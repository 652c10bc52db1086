"""Shipped configs train and evaluate on what real annotations contain.

Crowds, difficult objects, images without objects, boxes without area, turned
over, beyond the border and wholly outside: losses stay finite, no step is
skipped, and the evaluation ends with a number.
"""

import json
import shutil
import xml.etree.ElementTree as ET

import pytest
import torch
from conftest import (
    ROOT,
    SIZE,
    find_classes,
    shrink,
    tiny_config,
    write_coco,
    write_voc,
)
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

# Per image its objects: (x1, y1, x2, y2), ignored.
IMAGES = [
    [
        ((5, 10, 45, 50), 0),
        ((20, 20, 20, 20), 0),
        ((30, 8, 30, 40), 0),
        ((60, 40, 50, 20), 0),
        ((70, 30, 130, 90), 0),
    ],
    [((5, 10, 45, 50), 1), ((40, 5, 90, 60), 1)],  # crowd, difficult
    [((20, 20, 20, 20), 0), ((200, 200, 240, 230), 0)],  # nothing usable
    [],
]
CONFIGS = {
    'voc layout': 'faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py',
    'coco': 'faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_demo-digits.py',
    'ssd coco': 'ssd/ssd300_vgg16_surge_24x5e_coco.py',
}
DATA = sorted((ROOT / 'configs/_base_/datasets').glob('*.py'))


def write_hostile_voc(root, name: str) -> None:
    """IMAGES in one year's folder; the corners count from 1."""
    for index, boxes in enumerate(IMAGES):
        node = ET.Element('annotation')
        size = ET.SubElement(node, 'size')
        for key, value in zip(('width', 'height'), SIZE, strict=True):
            ET.SubElement(size, key).text = str(value)
        for corners, difficult in boxes:
            obj = ET.SubElement(node, 'object')
            ET.SubElement(obj, 'name').text = name
            ET.SubElement(obj, 'difficult').text = str(difficult)
            box = ET.SubElement(obj, 'bndbox')
            for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), corners, strict=True):
                ET.SubElement(box, key).text = str(value + 1)
        ET.ElementTree(node).write(root / f'Annotations/{root.name}_{index}.xml')
    names = [f'{root.name}_{index}' for index in range(len(IMAGES))]
    for file in (root / 'ImageSets/Main').iterdir():
        file.write_text('\n'.join(names) + '\n')


def write_hostile_coco(root, classes: tuple) -> None:
    """IMAGES in every JSON file."""
    boxes = [
        dict(
            id=0,
            image_id=index,
            category_id=1,
            iscrowd=crowd,
            bbox=[x1, y1, x2 - x1, y2 - y1],
            area=max(0, (x2 - x1) * (y2 - y1)),
        )
        for index, image in enumerate(IMAGES)
        for (x1, y1, x2, y2), crowd in image
    ]
    for number, box in enumerate(boxes, 1):
        box['id'] = number
    content = json.dumps(
        dict(
            images=[
                dict(id=index, file_name=f'VOC2007_{index}.jpg', width=SIZE[0], height=SIZE[1])
                for index in range(len(IMAGES))
            ],
            annotations=boxes,
            categories=[dict(id=i, name=n) for i, n in enumerate(classes, 1)],
        )
    )
    for file in (root / 'annotations').iterdir():
        file.write_text(content)


def keep_background(node) -> None:
    """Let images without objects take part in the training."""
    if isinstance(node, dict):
        node.pop('filter_cfg', None)
        for value in node.values():
            keep_background(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            keep_background(value)


def write_hostile(root, classes: tuple) -> None:
    """IMAGES in both layouts, in place of what ``root`` has."""
    for year in ('VOC2007', 'VOC2012'):
        write_hostile_voc(root / year, classes[0])
    write_hostile_coco(root, classes)


def read_log(folder) -> list:
    (file,) = folder.glob('work/*/vis_data/scalars.json')
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize('name', CONFIGS)
def test_training_and_evaluation_survive(name, tmp_path):
    cfg = Config.fromfile(tiny_config(ROOT / 'configs' / CONFIGS[name], tmp_path))
    write_hostile(tmp_path / 'data', find_classes(cfg))
    keep_background(cfg.train_dataloader.dataset)
    cfg.work_dir = str(tmp_path / 'work')
    cfg.default_hooks.checkpoint = None
    cfg.train_cfg.val_interval = 2  # the test evaluates, once is enough
    runner = Runner.from_cfg(cfg)
    runner.train()
    rows = [row for row in read_log(tmp_path) if 'loss' in row]
    assert len(rows) == 2
    losses = torch.tensor([value for row in rows for key, value in row.items() if 'loss' in key])
    assert losses.isfinite().all()
    assert [row['surge.skipped_steps'] for row in rows] == [0, 0]
    runner.test()
    shutil.rmtree(tmp_path)


def has_data(path) -> bool:
    """Whether the file is whole: it names data, and its classes."""
    data = Config.fromfile(path).get('train_dataloader', {}).get('dataset')
    return bool(data) and ('metainfo' in data or not data.type.endswith('VOCLayoutDataset'))


@pytest.mark.parametrize('path', filter(has_data, DATA), ids=lambda path: path.stem)
def test_only_boxes_with_area_reach_the_loss(path, tmp_path):
    cfg = Config.fromfile(path)
    classes = find_classes(cfg)
    root = write_coco(write_voc(tmp_path, classes), classes)
    write_hostile(root, classes)
    shrink(cfg.train_dataloader, root)
    keep_background(cfg.train_dataloader.dataset)
    with DefaultScope.overwrite_default_scope('mmdet'):
        data = DATASETS.build(cfg.train_dataloader.dataset)
    assert len(data) in (len(IMAGES), 2 * len(IMAGES))
    seen = 0
    for index in list(range(len(data))) * 4:
        sample = data[index]['data_samples']
        height, width = sample.img_shape
        for boxes in (sample.gt_instances.bboxes, sample.ignored_instances.bboxes):
            assert (boxes.widths > 1).all() and (boxes.heights > 1).all()
            assert (boxes.tensor >= 0).all()
            assert (boxes.tensor[:, 0::2] <= width).all()
            assert (boxes.tensor[:, 1::2] <= height).all()
            seen += len(boxes)
    assert seen


def test_predictions_for_a_list_without_annotations(tmp_path):
    """As for COCO's test-dev: results for a server, no evaluation."""
    cfg = Config.fromfile(tiny_config(ROOT / 'configs' / CONFIGS['coco'], tmp_path))
    file = tmp_path / 'data/annotations/instances_val.json'
    content = json.loads(file.read_text())
    del content['annotations']
    file.write_text(json.dumps(content))
    cfg.work_dir = str(tmp_path / 'work')
    cfg.test_evaluator.update(format_only=True, outfile_prefix=f'{tmp_path}/results')
    Runner.from_cfg(cfg).test()
    results = json.loads((tmp_path / 'results.bbox.json').read_text())
    images = {each['id'] for each in content['images']}
    assert results and {each['image_id'] for each in results} <= images
    categories = {each['id'] for each in content['categories']}
    assert {each['category_id'] for each in results} <= categories
