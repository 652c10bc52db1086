import importlib.util
import io
import json
import sys

import pytest
from conftest import ROOT, shrink, write_coco, write_voc
from mmdet.datasets import CocoDataset
from mmengine.config import Config

TOOL = ROOT / 'tools/dataset_converters/check_dataset.py'
CLASSES = ('cat', 'dog')
spec = importlib.util.spec_from_file_location('check_dataset', TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
    return tool.main()


@pytest.fixture
def voc(tmp_path):
    """Training and evaluation lists without a common image."""
    root = write_voc(tmp_path / 'devkit', CLASSES)
    (root / 'VOC2007/ImageSets/Main/train.txt').write_text('VOC2007_2\n')
    return root


def test_own_classes_in_voc_layout(voc, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'reports/voc.json'
    assert run(monkeypatch, 'voc', voc, '--classes', *CLASSES, '--out', out) == 0
    assert capsys.readouterr().out.endswith('\nUsable: errors 0, warnings 0.\n')
    content = json.loads(out.read_text())
    assert content['usable'] is True
    assert [s['images'] for s in content['sources']] == [1, 2]


def test_unusable_folder_has_status_1(voc, monkeypatch, capsys):
    assert run(monkeypatch, 'voc', voc) == 1  # not PASCAL's classes
    assert 'Not usable' in capsys.readouterr().out
    assert run(monkeypatch, 'coco', voc) == 1
    assert 'annotations_trainval2017.zip' in capsys.readouterr().out


def test_coco_folder(tmp_path, monkeypatch, capsys):
    root = write_coco(write_voc(tmp_path, CLASSES), CLASSES)
    # Its train and val share photographs, which is an error.
    assert run(monkeypatch, 'coco', root, '--classes', *CLASSES) == 1
    text = capsys.readouterr().out
    assert 'images both in training and in evaluation (2)' in text
    assert 'errors 1' in text


def test_a_shipped_config(voc, monkeypatch, capsys):
    path = ROOT / 'configs/_base_/datasets/bccd_320x240.py'
    cfg = Config.fromfile(path)
    for role in ('train', 'val', 'test'):
        shrink(cfg[f'{role}_dataloader'], voc)
        cfg[f'{role}_dataloader'].dataset.metainfo.classes = CLASSES
    target = voc / 'config.py'
    cfg.dump(target)
    assert run(monkeypatch, 'config', target) == 0
    assert (
        run(
            monkeypatch,
            'config',
            target,
            '--cfg-options',
            'train_dataloader.dataset.data_root=nowhere/',
        )
        == 1
    )
    assert 'train.txt: expected in nowhere/' in capsys.readouterr().out


def test_photographs_need_not_be_opened(voc, monkeypatch):
    (voc / 'VOC2007/JPEGImages/VOC2007_2.jpg').write_bytes(b'cut off')
    form = ('voc', voc, '--classes', *CLASSES)
    assert run(monkeypatch, *form) == 1
    assert run(monkeypatch, *form, '--skip-images') == 0


def shipped(root, name: str) -> Config:
    """A shipped config on the folder, as ``test_a_shipped_config`` makes it."""
    cfg = Config.fromfile(ROOT / 'configs' / name)
    for role in ('train', 'val', 'test'):
        shrink(cfg[f'{role}_dataloader'], root)
        cfg[f'{role}_dataloader'].dataset.metainfo.classes = CLASSES
    return cfg


def test_the_first_batch_is_tried(voc, monkeypatch, capsys):
    cfg = shipped(voc, '_base_/datasets/bccd_300x300.py')
    cfg.train_dataloader.drop_last = True
    cfg.dump(voc / 'config.py')
    assert run(monkeypatch, 'config', voc / 'config.py') == 1
    text = capsys.readouterr().out
    assert 'train_dataloader: 1 images, but batch_size=8. Write --cfg-options' in text
    line = text.split('--cfg-options ')[1].split()[0]
    assert run(monkeypatch, 'config', voc / 'config.py', '--cfg-options', line) == 0


@pytest.mark.parametrize(
    'name, place',
    [
        ('faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py', 'roi_head.bbox_head'),
        ('ssd/ssd300_vgg16_surge_12e_bccd.py', 'bbox_head'),
    ],
)
def test_heads_have_as_many_classes_as_the_data(name, place, voc, monkeypatch, capsys):
    """The error that training would stop with, and its line mends it."""
    shipped(voc, name).dump(voc / 'config.py')
    line = ('config', voc / 'config.py', '--skip-images', '--cfg-options')
    options = ['train_dataloader.batch_size=1']
    assert run(monkeypatch, *line, *options) == 1
    text = ' '.join(capsys.readouterr().out.split())
    assert f"{place}.num_classes is 3, but the data has 2 classes ('cat', 'dog')" in text
    assert 'errors 1' in text
    options.append(text.split('Write --cfg-options ')[1].split(',')[0])
    assert options[-1] == f'model.{place}.num_classes=2'
    assert run(monkeypatch, *line, *options) == 0


@pytest.mark.parametrize(
    'name', ['retinanet_r18_fpn_surge_1x_coco', 'rtmdet_tiny_surge_8xb32-300e_coco']
)
def test_configs_on_mmdets_bases(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('COCO_ROOT', f'{tmp_path}/')
    write_coco(
        write_voc(tmp_path, CocoDataset.METAINFO['classes']), CocoDataset.METAINFO['classes']
    )
    path = ROOT / f'configs/binarized/{name}.py'
    assert run(monkeypatch, 'config', path, '--skip-images') == 1
    text = capsys.readouterr().out
    assert '4 images, 0 without objects; 8 objects' in text
    assert 'errors 1' in text and 'images both in training and in evaluation (2)' in text


@pytest.mark.parametrize(
    'text, words',
    [
        ('train_dataloader = dict(', 'SyntaxError'),
        ('model = dict()', 'the config names no annotation file. Write train_dataloader='),
        ('_base_ = "nowhere.py"', 'nowhere.py'),
        ('train_dataloader = dict(dataset=dict(ann_file="a"))', 'None is neither in VOC layout'),
        ('train_dataloader = [1]', "AttributeError: 'list' object"),
    ],
)
def test_a_config_that_cannot_be_read(text, words, tmp_path, monkeypatch, capsys):
    path = tmp_path / 'config.py'
    path.write_text(text)
    assert run(monkeypatch, 'config', path) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'{path}: ') and words in error and 'Traceback' not in error


def test_names_that_the_terminal_cannot_show(voc, monkeypatch):
    (voc / 'VOC2007/ImageSets/Main/train.txt').write_text('VOC2007_2\nphotographie_de_l’été\n')
    out = io.TextIOWrapper(io.BytesIO(), encoding='ascii')
    monkeypatch.setattr(sys, 'stdout', out)
    assert run(monkeypatch, 'voc', voc, '--classes', *CLASSES) == 1
    out.seek(0)
    assert r'photographie_de_l\u2019\xe9t\xe9.xml' in out.read()


@pytest.mark.parametrize(
    'arguments, text',
    [
        (('voc', 'nowhere'), 'nowhere does not exist'),
        (('config', TOOL, '--classes', 'cat'), 'a config has its own classes'),
        (('yolo', '.'), 'invalid choice'),
        (('voc', '.', '--out', '.'), '. is a folder. Name a file in it'),
    ],
)
def test_wrong_arguments(arguments, text, monkeypatch, capsys):
    with pytest.raises(SystemExit) as error:
        run(monkeypatch, *arguments)
    assert error.value.code == 2
    assert text in capsys.readouterr().err
