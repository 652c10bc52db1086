import importlib.util
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def load_script(path):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


script = load_script(ROOT / 'tools/dataset_converters/make_demo_digits.py')


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp('demo') / 'digits'
    script.make(out, train=40, val=8, seed=3)
    return out


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def coco_boxes(folder, split):
    """Per file name the list of (class name, x1, y1, x2, y2)."""
    content = json.loads((folder / f'annotations/instances_{split}.json').read_text())
    names = {c['id']: c['name'] for c in content['categories']}
    found = {image['file_name']: [] for image in content['images']}
    files = {image['id']: image['file_name'] for image in content['images']}
    for each in content['annotations']:
        x, y, w, h = each['bbox']
        assert each['area'] == w * h
        found[files[each['image_id']]].append((names[each['category_id']], x, y, x + w, y + h))
    return found


def voc_boxes(folder, split):
    """The same from the XML files, whose pixels count from 1."""
    found = {}
    voc = folder / 'VOC2007'
    for name in (voc / f'ImageSets/Main/{split}.txt').read_text().split():
        root = ET.parse(voc / f'Annotations/{name}.xml')
        found[root.findtext('filename')] = [
            (obj.findtext('name'), *(int(v.text) - 1 for v in obj.find('bndbox')))
            for obj in root.iter('object')
        ]
    return found


def test_one_seed_gives_the_same_bytes(demo, tmp_path):
    script.make(tmp_path / 'again', train=40, val=8, seed=3)
    first, second = contents(demo), contents(tmp_path / 'again')
    assert len(first) == 2 * 48 + 4
    assert first == second


def test_other_seed_gives_other_images(demo, tmp_path):
    script.make(tmp_path / 'other', train=2, val=1, seed=4)
    for name, content in contents(tmp_path / 'other').items():
        if name.endswith('.jpg'):
            assert (demo / name).read_bytes() != content


@pytest.mark.parametrize('split, count', [('train', 40), ('val', 8)])
def test_both_formats_agree_box_by_box(demo, split, count):
    coco = coco_boxes(demo, split)
    assert coco == voc_boxes(demo, split)
    assert len(coco) == count and all(coco.values())


@pytest.mark.parametrize('split', ['train', 'val'])
def test_boxes_are_inside_the_image_and_apart(demo, split):
    height, width = script.Recipe.height, script.Recipe.width
    for name, boxes in coco_boxes(demo, split).items():
        image = cv2.imread(str(demo / 'VOC2007/JPEGImages' / name))
        assert image.shape == (height, width, 3)
        cover = np.zeros(image.shape[:2], int)
        for _, x1, y1, x2, y2 in boxes:
            assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
            cover[y1:y2, x1:x2] += 1
        assert cover.max() == 1


def test_all_ten_classes_occur(demo):
    names = {box[0] for boxes in coco_boxes(demo, 'train').values() for box in boxes}
    assert names == set(script.CLASSES) and len(names) == 10


def test_digits_of_train_and_val_are_disjoint_and_complete():
    digits = {split: script.split_sources(split)[0] for split in ('train', 'val')}
    scans = {split: {d.tobytes() for d in value} for split, value in digits.items()}
    assert not scans['train'] & scans['val']
    assert len(digits['train']) + len(digits['val']) == 1797
    assert all(0 <= d.min() and d.max() <= 1 for d in digits.values())


def test_labels_belong_to_their_digits():
    bunch = script.load_digits()
    label_of = {
        (image / 16).tobytes(): label
        for image, label in zip(bunch.images, bunch.target, strict=True)
    }
    digits, labels, _ = script.split_sources('val')
    assert [label_of[d.tobytes()] for d in digits] == labels.tolist()
    assert set(labels.tolist()) == set(range(10))


def test_photo_regions_of_train_and_val_are_disjoint():
    train = script.split_sources('train')[2]
    val = script.split_sources('val')[2]
    photos = script.load_photographs()
    for left, right, photo in zip(train, val, photos, strict=True):
        assert np.array_equal(np.concatenate([left, right], 1), photo)
        assert left.size and right.size


def test_a_box_holds_its_ink_tightly():
    flat = (
        script.split_sources('val')[0],
        script.split_sources('val')[1],
        [np.full((200, 300, 3), 60, np.uint8)],
    )
    image, boxes, _ = script.compose(np.random.default_rng(0), flat, script.Recipe())
    changed = np.abs(image.astype(int) - 60).max(2) > 15
    for x1, y1, x2, y2 in boxes:
        spot = changed[y1:y2, x1:x2]
        assert spot[0].any() and spot[-1].any()
        assert spot[:, 0].any() and spot[:, -1].any()
        changed[y1:y2, x1:x2] = False
    assert boxes and not changed.any()


def test_killed_run_leaves_no_finished_folder(tmp_path, monkeypatch):
    def die(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(script, 'coco_json', die)
    with pytest.raises(KeyboardInterrupt):
        script.make(tmp_path / 'demo', train=1, val=1, seed=0)
    assert not (tmp_path / 'demo').exists()
    monkeypatch.undo()
    script.make(tmp_path / 'demo', train=1, val=1, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ['demo']


@pytest.mark.parametrize(
    'arguments, text',
    [
        (['--train', '0'], '--train and --val must be >= 1'),
        (['--seed', '-1'], '--seed >= 0'),
        (['--out', 'photos'], 'photos exists and is not demo data'),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_removed(
    tmp_path, monkeypatch, capsys, arguments, text
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos/mine.jpg').touch()
    monkeypatch.setattr(sys, 'argv', ['make_demo_digits.py', *arguments])
    with pytest.raises(SystemExit):
        script.main()
    assert text in capsys.readouterr().err
    assert (tmp_path / 'photos/mine.jpg').exists()


def test_command_line_writes_and_reports(tmp_path, monkeypatch, capsys):
    out = tmp_path / 'demo'
    monkeypatch.setattr(
        sys, 'argv', ['make_demo_digits.py', '--out', str(out), '--train', '2', '--val', '1']
    )
    script.main()
    boxes = sum(map(len, coco_boxes(out, 'train').values()))
    assert f'2 train images ({boxes} digits)' in capsys.readouterr().out
