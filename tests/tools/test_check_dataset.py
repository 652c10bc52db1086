import importlib.util
import json
import sys

import pytest
from conftest import ROOT, shrink, write_coco, write_voc
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


@pytest.mark.parametrize(
    'arguments, text',
    [
        (('voc', 'nowhere'), 'nowhere does not exist'),
        (('config', TOOL, '--classes', 'cat'), 'a config has its own classes'),
        (('yolo', '.'), 'invalid choice'),
    ],
)
def test_wrong_arguments(arguments, text, monkeypatch, capsys):
    with pytest.raises(SystemExit) as error:
        run(monkeypatch, *arguments)
    assert error.value.code == 2
    assert text in capsys.readouterr().err
