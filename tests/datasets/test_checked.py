import json
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.registry import DefaultScope

CONFIG = Path(__file__).parents[2] / 'configs/_base_/datasets/voc_layout_320x240.py'
BOXES = {'a': [('cat', 10, 10, 50, 60), ('dog', 30, 30, 30, 70)], 'b': [('cat', 5, 8, 90, 40)]}
LIST = 'VOC2007/ImageSets/Main/train.txt'


def annotation(boxes):
    root = ET.Element('annotation')
    size = ET.SubElement(root, 'size')
    for key, value in dict(width=100, height=80, depth=3).items():
        ET.SubElement(size, key).text = str(value)
    for name, *corners in boxes:
        obj = ET.SubElement(root, 'object')
        ET.SubElement(obj, 'name').text = name
        box = ET.SubElement(obj, 'bndbox')
        for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), corners, strict=True):
            ET.SubElement(box, key).text = str(value)
    return ET.tostring(root)


def write_voc(root, boxes):
    base = root / 'VOC2007'
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (base / folder).mkdir(parents=True)
    for name, content in boxes.items():
        cv2.imwrite(str(base / f'JPEGImages/{name}.jpg'), np.full((80, 100, 3), 90, np.uint8))
        (base / f'Annotations/{name}.xml').write_bytes(annotation(content))
    (root / LIST).write_text('\n'.join(boxes) + '\n')


def write_coco(root, names):
    (root / 'instances.json').write_text(
        json.dumps(
            dict(
                images=[dict(id=1, file_name='a.jpg', width=100, height=80)],
                annotations=[
                    dict(
                        id=1, image_id=1, category_id=2, iscrowd=0, bbox=[10, 10, 40, 50], area=2000
                    )
                ],
                categories=[dict(id=i, name=n) for i, n in enumerate(names, 1)],
            )
        )
    )


@pytest.fixture
def voc(tmp_path):
    write_voc(tmp_path, BOXES)
    return tmp_path


@pytest.fixture(autouse=True)
def mmdet_scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def build(root, classes=('cat', 'dog'), **changes):
    """The training data of the base config, with the folder ``root``."""
    cfg = Config.fromfile(CONFIG).train_dataloader.dataset
    cfg.update(data_root=f'{root}/', metainfo=dict(classes=classes), **changes)
    return DATASETS.build(cfg)


def test_boxes_and_labels_are_mmdets(voc):
    data = build(voc)
    assert len(data) == 2
    instances = data.get_data_info(0)['instances']
    assert [i['bbox'] for i in instances] == [[9, 9, 49, 59], [29, 29, 29, 69]]
    assert [i['bbox_label'] for i in instances] == [0, 1]


@pytest.mark.parametrize('kind', ['VOCLayoutDataset', 'VOCDataset', 'CocoDataset'])
def test_wrong_folder_is_refused_with_the_option(tmp_path, kind):
    with pytest.raises(FileNotFoundError) as error:
        build(tmp_path / 'nowhere', type=f'surge_mmdet.{kind}')
    text = str(error.value)
    assert f'nowhere/{LIST} does not exist' in text
    assert '--cfg-options train_dataloader.dataset.data_root=<folder>' in text
    assert f'the folder that contains {LIST}.' in text


def test_every_loader_is_in_the_option(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        build(tmp_path)
    for loader in ('train', 'val', 'test'):
        assert f'{loader}_dataloader.dataset.data_root=' in str(error.value)


def test_classes_that_match_nothing_are_refused_with_the_line(voc):
    with pytest.raises(ValueError) as error:
        build(voc, classes=('Cat', 'bird'))
    text = str(error.value)
    assert "one of the classes ('Cat', 'bird')" in text
    assert "{'cat': 2, 'dog': 1}" in text
    assert "Write metainfo=dict(classes=('cat', 'dog'))." in text


@pytest.mark.parametrize('classes', [('Cat', 'dog'), (' c-a-t', 'dog')])
def test_a_class_in_another_case_is_refused_with_the_line(voc, classes):
    with pytest.raises(ValueError) as error:
        build(voc, classes=classes)
    assert "but of 'cat'" in str(error.value)
    assert "Write metainfo=dict(classes=('cat', 'dog'))." in str(error.value)


def test_one_class_without_its_comma_is_refused(voc):
    with pytest.raises(TypeError, match=r"classes=\('cat', \)"):
        build(voc, classes=('cat'))


def test_one_matching_class_is_enough(voc):
    assert len(build(voc, classes=('dog', 'bird'), filter_cfg=None)) == 2


def test_pascal_classes_are_checked_too(voc):
    assert len(build(voc, type='surge_mmdet.VOCDataset')) == 2
    with pytest.raises(ValueError, match=r"classes=\('cat', 'dog'\)"):
        build(voc, classes=('ship',), type='surge_mmdet.VOCDataset')


def test_coco_classes_are_checked_too(tmp_path):
    write_coco(tmp_path, ('cat', 'dog'))
    options = dict(
        type='surge_mmdet.CocoDataset',
        ann_file='instances.json',
        data_prefix=dict(img=''),
        filter_cfg=None,
    )
    data = build(tmp_path, **options)
    assert data.get_data_info(0)['instances'][0]['bbox_label'] == 1
    with pytest.raises(ValueError, match=r"\{'dog': 1\}"):
        build(tmp_path, classes=('bird',), **options)


@pytest.mark.parametrize(
    'classes, text',
    [
        (('dog', 'cat'), 'categories are in another order than the classes'),
        (('cat', 'bird', 'dog'), "has no category 'bird'"),
    ],
)
def test_coco_labels_that_would_carry_wrong_names(tmp_path, classes, text):
    write_coco(tmp_path, ('cat', 'dog'))
    with pytest.raises(ValueError, match=text) as error:
        build(
            tmp_path,
            classes=classes,
            type='surge_mmdet.CocoDataset',
            ann_file='instances.json',
            data_prefix=dict(img=''),
        )
    assert "write metainfo=dict(classes=('cat', 'dog')) in each data set" in str(error.value)


def test_coco_classes_may_be_a_part_of_the_categories(tmp_path):
    write_coco(tmp_path, ('bird', 'cat', 'dog'))
    data = build(
        tmp_path,
        classes=('cat', 'dog'),
        data_prefix=dict(img=''),
        type='surge_mmdet.CocoDataset',
        ann_file='instances.json',
    )
    assert data.get_data_info(0)['instances'][0]['bbox_label'] == 0


def test_classes_are_asked_for(voc):
    cfg = Config.fromfile(CONFIG).train_dataloader.dataset
    cfg.data_root = f'{voc}/'
    with pytest.raises(ValueError, match='Write metainfo=dict.classes='):
        DATASETS.build(cfg)


def test_images_without_any_object_are_accepted(tmp_path):
    write_voc(tmp_path, {'a': []})
    assert len(build(tmp_path, filter_cfg=None)) == 1


def test_box_without_area_is_dropped_by_the_training_pipeline(voc):
    sample = build(voc)[0]['data_samples'].gt_instances
    assert sample.labels.tolist() == [0]
    widths = sample.bboxes.tensor[:, 2:] - sample.bboxes.tensor[:, :2]
    assert (widths > 1).all()


def test_image_with_nothing_but_such_boxes_becomes_background(tmp_path):
    write_voc(tmp_path, {'a': [('dog', 30, 30, 30, 70)]})
    sample = build(tmp_path)[0]['data_samples'].gt_instances
    assert len(sample) == 0 and sample.bboxes.tensor.shape == (0, 4)
