import json
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.registry import DefaultScope

from surge_mmdet.datasets.checked import DEFAULTS

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/_base_/datasets/voc_layout_320x240.py'
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
    assert f'the folder that contains {LIST}' in text


def test_the_variable_that_a_wrong_folder_came_from_is_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match='VOC_ROOT and COCO_ROOT instead'):
        build(tmp_path, type='surge_mmdet.VOCDataset')
    with pytest.raises(FileNotFoundError) as told:
        build(tmp_path)
    assert 'COCO_ROOT' not in str(told.value)
    monkeypatch.setenv('DEMO_ROOT', str(tmp_path))
    line = f'Write export DEMO_ROOT=<folder>/ with the folder that contains {LIST}, or --cfg-opt'
    with pytest.raises(FileNotFoundError, match=line):
        build(tmp_path)


def test_the_variable_of_a_folder_that_a_config_names_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    configs = ROOT / 'configs/_base_/datasets'
    named = re.findall(r'{{\$(\w+):([^}]*)}}', ''.join(f.read_text() for f in configs.glob('*.py')))
    assert {name for name, _ in named} == set(DEFAULTS.values())
    for name, folder in named:
        monkeypatch.delenv(name, raising=False)
        with pytest.raises(FileNotFoundError, match=f'Write export {name}=<folder>/ with'):
            build(folder)


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


def coco(root, **changes):
    """The data set of ``write_coco``'s file."""
    options = dict(
        type='surge_mmdet.CocoDataset',
        ann_file='instances.json',
        data_prefix=dict(img=''),
        filter_cfg=None,
    )
    return build(root, **(options | changes))


def test_evaluated_file_is_never_met_with_other_classes(tmp_path):
    """Reordered classes would give the model's labels other names."""
    write_coco(tmp_path, ('dog', 'cat'))
    with pytest.raises(ValueError, match='another order') as error:
        coco(tmp_path, test_mode=True)
    assert 'metainfo' not in str(error.value)
    command = str(error.value).split('run: ')[1]
    subprocess.run([sys.executable, *shlex.split(command)[1:]], check=True, cwd=ROOT)
    data = coco(tmp_path, test_mode=True)
    assert [i['bbox_label'] for i in data.get_data_info(0)['instances']] == [0]  # still a cat


def test_evaluated_annotations_of_other_classes_get_no_order_of_their_own(voc):
    with pytest.raises(ValueError, match='Write the classes of the training'):
        build(voc, classes=('bird', 'emu'), test_mode=True, filter_cfg=None)


def edit_coco(root, change):
    path = root / 'instances.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_list_without_annotations_in_test_mode(tmp_path):
    write_coco(tmp_path, ('cat', 'dog'))
    edit_coco(tmp_path, lambda content: content.pop('annotations'))
    data = coco(tmp_path, test_mode=True)
    assert len(data) == 1 and data.get_data_info(0)['instances'] == []
    with pytest.raises(ValueError, match='instances.json: the file lacks annotations'):
        coco(tmp_path)


def test_objects_that_mmdet_leaves_out_are_not_blamed_on_the_classes(tmp_path):
    write_coco(tmp_path, ('cat', 'dog'))
    edit_coco(tmp_path, lambda content: content['annotations'][0].update(area=0))
    with pytest.raises(ValueError, match='mmdet leaves out every object.*area=width.height'):
        coco(tmp_path)


@pytest.mark.parametrize(
    'field, value, problem',
    [
        ('bbox', None, r'annotations\[0\].bbox is None, not \[x, y, width, height\]'),
        ('category_id', '2', r"annotations\[0\].category_id is '2', but the id in categories is 2"),
    ],
)
def test_training_names_file_and_field(tmp_path, field, value, problem):
    write_coco(tmp_path, ('cat', 'dog'))
    edit_coco(tmp_path, lambda content: content['annotations'][0].update({field: value}))
    with pytest.raises(ValueError, match=f'instances.json: {problem}'):
        coco(tmp_path)


def test_training_names_the_field_of_an_xml_file(voc):
    path = voc / 'VOC2007/Annotations/b.xml'
    path.write_text(path.read_text().replace('<xmin>5<', '<xmin>five<'))
    with pytest.raises(ValueError, match=r"b.xml: object\[0\].bndbox.xmin is 'five', not a number"):
        build(voc)


@pytest.mark.parametrize(
    'text, problem',
    [
        ('a\nb.jpg\n', "line 2: 'b.jpg' has a suffix: write 'b'"),
        ('a\nb\n\n', "line 3: '' is blank: remove the line"),
        ('a\nx\n', 'line 2: .*/Annotations/x.xml does not exist'),
        ('\ufeffa\nb\n', 'starts with a byte order mark'),
    ],
)
def test_training_names_the_line_of_a_list(voc, text, problem):
    (voc / LIST).write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=f'train.txt: {problem}'):
        build(voc)


def test_names_with_blanks_are_names(voc):
    for folder, suffix in (('JPEGImages', 'jpg'), ('Annotations', 'xml')):
        (voc / f'VOC2007/{folder}/b.{suffix}').rename(
            voc / f'VOC2007/{folder}/my photo (0).{suffix}'
        )
    (voc / LIST).write_text('a\nmy photo (0)\n')
    assert build(voc).get_data_info(1)['img_id'] == 'my photo (0)'


def test_other_surprises_name_file_and_entry(voc, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise RuntimeError('no idea')

    monkeypatch.setattr('mmdet.datasets.XMLDataset.parse_data_info', stop)
    with pytest.raises(ValueError, match='Annotations/a.xml: RuntimeError: no idea'):
        build(voc)
    monkeypatch.setattr('mmdet.datasets.CocoDataset.parse_data_info', stop)
    write_coco(tmp_path, ('cat', 'dog'))
    with pytest.raises(ValueError, match="instances.json: image 'a.jpg' and its ann.*no idea"):
        coco(tmp_path)


@pytest.mark.parametrize('flag, warned', [('iscrowd', True), ('score', False)])
def test_objects_that_are_all_ignored_are_told(tmp_path, monkeypatch, flag, warned):
    write_coco(tmp_path, ('cat', 'dog'))
    edit_coco(tmp_path, lambda content: content['annotations'][0].update({flag: 1}))
    said = []
    monkeypatch.setattr(
        'surge_mmdet.datasets.checked.print_log', lambda text, *_, **__: said.append(text)
    )
    coco(tmp_path)
    assert any('has 1 objects and all are ignored' in text for text in said) == warned


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
