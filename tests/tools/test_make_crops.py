"""Crops of boxes, from any COCO-format data."""

import json
import runpy
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from conftest import ROOT

TOOL = ROOT / 'tools/dataset_converters/make_crops.py'
script = SimpleNamespace(**runpy.run_path(str(TOOL)))
ANN = {s: f'annotations/instances_{s}2017.json' for s in script.SPLITS}
FOLDERS = {s: f'{s}2017' for s in script.SPLITS}
# Name of the class, (x, y, w, h), further keys of the annotation.
BOXES = {
    'train': [
        ('cat', (20, 30, 20, 10), {}),
        ('traffic light', (60, 10, 40, 30), {}),
        ('cat', (0, 0, 30, 30), {}),
        ('cat', (50, 50, 30, 30), dict(iscrowd=1)),
        ('cat', (50, 50, 30, 0), {}),
        ('dog', (5, 5, 9, 30), {}),
    ],
    'val': [('cat', (10, 10, 30, 30), {}), ('bird', (0, 0, 40, 40), {})],
}
NAMES = ('bird', 'cat', 'dog', 'traffic light')


def write_coco(root, boxes=BOXES):
    """One photograph of 100x80 per split; pixels tell their place."""
    ys, xs = np.mgrid[:80, :100]
    photograph = np.stack([2 * xs, 2 * ys, 0 * xs + 90], 2).astype(np.uint8)
    (root / 'annotations').mkdir(parents=True)
    for split, rows in boxes.items():
        (root / f'{split}2017').mkdir()
        cv2.imwrite(str(root / f'{split}2017/photo.png'), photograph)
        annotations = [
            dict(id=i, image_id=7, category_id=NAMES.index(name) + 1, bbox=list(box), **more)
            for i, (name, box, more) in enumerate(rows)
        ]
        (root / ANN[split]).write_text(
            json.dumps(
                dict(
                    images=[dict(id=7, file_name='photo.png', width=100, height=80)],
                    annotations=annotations,
                    categories=[dict(id=i, name=n) for i, n in enumerate(NAMES, 1)],
                )
            )
        )
    return root


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path / 'coco')


def make(coco, **recipe):
    out = coco.parent / 'crops'
    recipe = script.Recipe(**{'min_size': 10, **recipe})
    return out, script.make(coco, out, ANN, FOLDERS, recipe)


def files(out):
    return sorted(str(p.relative_to(out)) for p in out.rglob('*.jpg'))


def test_usable_boxes_become_files_in_the_folders_of_their_classes(coco):
    out, counts = make(coco)
    assert files(out) == [
        'train/cat/photo_0.jpg',
        'train/cat/photo_2.jpg',
        'train/traffic light/photo_1.jpg',
        'val/cat/photo_0.jpg',
    ]
    assert counts == dict(train={'cat': 2, 'traffic light': 1}, val={'cat': 1})


def test_both_splits_have_the_same_class_folders(coco):
    out, _ = make(coco)
    for split in script.SPLITS:
        assert {p.name for p in (out / split).iterdir()} == {'cat', 'traffic light'}


@pytest.mark.parametrize(
    'box, margin, expected',
    [
        ((20, 30, 20, 10), 0.0, (20, 25, 40, 45)),
        ((20, 30, 20, 10), 0.25, (15, 20, 45, 50)),
        ((60, 10, 40, 30), 0.5, (40, 0, 100, 65)),
        ((0, 0, 100, 80), 0.1, (0, 0, 100, 80)),
    ],
)
def test_crop_is_a_square_with_context_inside_the_photograph(box, margin, expected):
    assert script.square(list(box), margin, 100, 80) == expected


def test_crop_shows_the_place_of_its_box(coco):
    out, _ = make(coco, margin=0.25)
    crop = cv2.imread(str(out / 'train/cat/photo_0.jpg')).astype(int)
    assert crop.shape == (30, 30, 3)
    ys, xs = np.mgrid[20:50, 15:45]
    assert np.abs(crop[..., 0] - 2 * xs).mean() < 3
    assert np.abs(crop[..., 1] - 2 * ys).mean() < 3


def test_large_crops_are_saved_smaller(coco):
    out, _ = make(coco, max_side=16)
    assert cv2.imread(str(out / 'val/cat/photo_0.jpg')).shape == (16, 16, 3)


@pytest.mark.parametrize(
    'option, kept',
    [
        (dict(min_size=9), {'cat', 'dog', 'traffic light'}),
        (dict(min_size=30), {'cat', 'traffic light'}),
        (dict(min_count=2), {'cat'}),
    ],
)
def test_small_boxes_and_rare_classes_are_left_out(coco, option, kept):
    out, counts = make(coco, **option)
    assert set(counts['train']) == kept
    assert {p.name for p in (out / 'train').iterdir()} == kept


def test_too_strict_options_say_so(coco):
    with pytest.raises(ValueError, match='smaller --min-count or --min-size'):
        make(coco, min_count=3)


def test_box_outside_its_photograph_is_left_out(tmp_path):
    outside = ('cat', (300, 10, 30, 30), {})
    coco = write_coco(tmp_path / 'coco', {'train': [*BOXES['train'], outside], 'val': [outside]})
    out, counts = make(coco)
    assert counts['train']['cat'] == 2 and not counts['val']


def test_record_says_what_was_done(coco):
    out, counts = make(coco, margin=0.2)
    record = json.loads((out / 'crops.json').read_text())
    assert record['recipe']['margin'] == 0.2 and record['crops'] == counts


def test_missing_photograph_is_named_and_nothing_is_finished(coco):
    (coco / 'val2017/photo.png').unlink()
    with pytest.raises(FileNotFoundError) as error:
        make(coco)
    assert 'val2017/photo.png' in str(error.value)
    assert '--val-images' in str(error.value)
    assert not (coco.parent / 'crops').exists()


def test_failed_run_leaves_the_finished_folder_alone(coco):
    out, _ = make(coco)
    before = files(out)
    (coco / 'val2017/photo.png').write_text('no image')
    with pytest.raises(FileNotFoundError):
        make(coco)
    assert files(out) == before


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['make_crops.py', *map(str, arguments)])
    script.main()


def test_command_line_takes_any_coco_layout(coco, monkeypatch, capsys):
    out = coco.parent / 'mine'
    (coco / 'val2017').rename(coco / 'held_out')
    (coco / ANN['val']).rename(coco / 'held_out.json')
    arguments = (
        coco,
        '--out',
        out,
        '--min-size',
        10,
        '--val-ann',
        'held_out.json',
        '--val-images',
        'held_out',
    )
    run(monkeypatch, *arguments)
    run(monkeypatch, *arguments)  # replaces its own folder
    assert '2 classes, 3 train crops, 1 val crops' in capsys.readouterr().out
    assert len(files(out)) == 4


@pytest.mark.parametrize(
    'arguments, text',
    [
        (['--min-size', '0'], '--min-size 24'),
        (['--margin', '-1'], '--margin 0.15'),
        (['--train-ann', 'absent.json'], '--train-ann'),
        (['--out', '.'], 'not a folder of crops'),
    ],
)
def test_wrong_arguments_are_refused(coco, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(coco)
    with pytest.raises(SystemExit):
        run(monkeypatch, coco, *arguments)
    assert text in capsys.readouterr().err
