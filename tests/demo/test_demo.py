"""The demo command: boxes and a picture, or one sentence that says what to do."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import photo_crop
from PIL import Image

import surge_mmdet
from surge_mmdet.demo.__main__ import main
from surge_mmdet.shipped import SHIPPED

PHOTOGRAPH = SHIPPED['digits'].photograph
NUMBERS = r' +(\d+\.\d+)' * 5
ROW = re.compile(rf'^(\w+){NUMBERS}$', re.M)


@pytest.fixture
def demo(tmp_path, monkeypatch, capsys):
    """Run the command in this process in an empty folder; what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        main([str(each) for each in arguments])
        return capsys.readouterr().out

    return run


def boxes(text: str) -> list:
    """(class, score, left, top, right, bottom) of each line."""
    return [(name, *map(float, rest)) for name, *rest in ROW.findall(text)]


def start(folder, package, *arguments, **environment):
    """The command in a process of its own, with the package from ``package``."""
    env = {**os.environ, 'PYTHONPATH': str(package), **environment}
    return subprocess.run(
        [sys.executable, '-m', 'surge_mmdet.demo', *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=env,
        timeout=300,
    )


@pytest.fixture(scope='module')
def uncompiled(tmp_path_factory):
    """The package as it is installed where no compiler is."""
    folder = tmp_path_factory.mktemp('site')
    shutil.copytree(
        Path(surge_mmdet.__file__).parent,
        folder / 'surge_mmdet',
        ignore=shutil.ignore_patterns('*.so', '.mim', '__pycache__'),
    )
    return folder


def test_without_arguments_it_detects_digits(demo, tmp_path):
    text = demo()
    found = boxes(text)
    assert len(found) >= 4
    assert {name for name, *_ in found} <= set(
        'zero one two three four five six seven eight nine'.split()
    )
    scores = [score for _, score, *_ in found]
    assert scores == sorted(scores, reverse=True) and min(scores) >= 0.3
    for _, _, left, top, right, bottom in found:
        assert 0 <= left < right <= 384 and 0 <= top < bottom <= 288
    assert text.rstrip().endswith('boxes in images of anything else mean nothing')
    assert re.search(r'\d ms \(kernel [\w-]+, \d+ threads?\), after \d+\.\d s of loading', text)
    picture = cv2.imread(str(tmp_path / 'digits_detected.jpg'))
    plain = cv2.imread(str(PHOTOGRAPH))
    assert picture.shape == plain.shape
    assert (np.abs(picture.astype(int) - plain) > 60).any(-1).mean() > 0.01  # boxes are drawn


def test_an_installation_without_kernels_finds_the_same(uncompiled, tmp_path, demo):
    done = start(tmp_path, uncompiled)
    assert done.returncode == 0, done.stderr
    assert 'kernel torch' in done.stdout and 'without its compiled kernels' in done.stderr
    assert 'OneDL' not in done.stdout
    theirs, ours = boxes(done.stdout), boxes(demo())
    assert [row[0] for row in theirs] == [row[0] for row in ours]
    assert np.allclose([r[1:] for r in theirs], [r[1:] for r in ours], atol=2)


def test_the_model_is_a_name_or_a_file(demo, tmp_path):
    photograph = tmp_path / 'a.jpg'
    cv2.imwrite(str(photograph), photo_crop(0))
    named = demo(photograph, '--model', 'bccd', '--score-thr', 0.05)
    file = shutil.copy(SHIPPED['bccd'].path, tmp_path / 'mine.safetensors')
    assert boxes(demo(photograph, '--model', file, '--score-thr', 0.05)) == boxes(named)


def test_the_threshold_chooses_lines_and_boxes(demo):
    few, many = boxes(demo('--score-thr', 0.9)), boxes(demo('--score-thr', 0.1))
    assert many[: len(few)] == few and len(many) > len(few)


def test_nothing_certain_is_said_with_the_best(demo, tmp_path):
    text = demo('--score-thr', 1, '--out', 'plain.png')
    assert re.search(r'nothing with a score of 1.0 or more; the best is \w+ 0\.\d\d', text)
    assert np.array_equal(cv2.imread('plain.png'), cv2.imread(str(PHOTOGRAPH)))


def odd(kind: str, folder: Path) -> Path:
    """An image of an unusual kind."""
    colours = Image.fromarray(photo_crop(3)[..., ::-1].copy())
    path = folder / f'{kind}.png'
    if kind in ('CMYK', 'RGBA', 'L', 'LA', '1', 'P'):
        path = path.with_suffix('.tif') if kind == 'CMYK' else path
        colours.convert(kind).save(path)
    elif kind == '16 bit':
        Image.fromarray(np.full((40, 60), 30000, np.uint16)).save(path)
    elif kind == 'CMYK JPEG':
        path = path.with_suffix('.jpg')
        colours.convert('CMYK').save(path)
    else:
        width, height = map(int, kind.split('x'))
        colours.resize((width, height)).save(path)
    return path


@pytest.mark.parametrize(
    'kind',
    ['L', 'LA', 'RGBA', 'P', '1', 'CMYK', 'CMYK JPEG', '16 bit', '1x1', '1x40', '2000x1500'],
)
def test_images_of_every_kind(kind, demo, tmp_path):
    path = odd(kind, tmp_path)
    text = demo(path, '--out', 'out.png', '--score-thr', 0)
    found = boxes(text)
    with Image.open(path) as image:
        width, height = image.size
    assert all(0 <= r[2] <= r[4] <= width and 0 <= r[3] <= r[5] <= height for r in found)
    assert found or 'nothing' in text
    assert cv2.imread('out.png').shape == (height, width, 3)


def test_an_image_that_is_all_but_a_line_is_refused(demo, tmp_path):
    with pytest.raises(SystemExit, match='4000x1 pixels cannot be resized.*less narrow'):
        demo(odd('4000x1', tmp_path))


@pytest.fixture
def mistakes(tmp_path):
    """Files that are no images, and places that take no picture."""
    (tmp_path / 'empty.jpg').touch()
    (tmp_path / 'text.jpg').write_text('hello')
    (tmp_path / 'cut.jpg').write_bytes(PHOTOGRAPH.read_bytes()[:3000])
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'clip.mp4').write_bytes(b'x')
    (tmp_path / 'own.jpg').write_bytes(PHOTOGRAPH.read_bytes())
    (tmp_path / 'epoch_1.pth').write_bytes(b'x' * 100)
    return tmp_path


@pytest.mark.parametrize(
    'arguments, why',
    [
        (['none.jpg'], 'none.jpg does not exist. Name one image'),
        (['folder'], 'folder is a folder.*Write python tools/image_demo.py folder'),
        (['clip.mp4'], 'clip.mp4 is a video.*Write python tools/image_demo.py clip.mp4'),
        (['empty.jpg'], 'empty.jpg is no image'),
        (['text.jpg'], 'text.jpg is no image that OpenCV can read.*save it again'),
        (['cut.jpg'], r'cut.jpg is no image that OpenCV can read, or was cut off \(3000 bytes\)'),
        (['own.jpg', '--model', 'bcd'], 'known are digits, bccd. Write --model bccd, or --model F'),
        (['--model', 'x.safetensors'], 'x.safetensors is no file. Name a packed detector, or one'),
        (['--model', 'folder'], 'folder is no file'),
        (['own.jpg', '--model', 'epoch_1.pth'], 'is no packed detector.*publish_model.py'),
        (['--model', 'bccd'], 'no image comes with bccd. Write python -m surge_mmdet.demo IMAGE'),
        (['--out', 'new/a.jpg'], 'the folder new does not exist. Make it: mkdir -p new'),
        (['--out', 'folder'], 'folder is a folder. Write --out folder/detections.jpg'),
        (['--out', 'a.txt'], r'a.txt ends like no picture.*Write --out a.jpg'),
        (['--out', 'a'], 'Write --out a.jpg'),
        (['own.jpg', '--out', 'own.jpg'], 'is the image itself. Write --out own_detected.jpg'),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(arguments, why, demo, mistakes):
    before = sorted(mistakes.rglob('*'))
    with pytest.raises(SystemExit, match=why) as stop:
        demo(*arguments)
    assert '\n' not in str(stop.value)
    assert sorted(mistakes.rglob('*')) == before


@pytest.mark.parametrize('score', ['-0.1', '1.1', 'nan', 'high'])
def test_a_threshold_that_no_score_can_have(score, demo, capsys):
    with pytest.raises(SystemExit):
        demo(f'--score-thr={score}')
    assert '--score-thr' in capsys.readouterr().err


def test_a_closed_folder_is_said_before_detecting(demo, monkeypatch):
    monkeypatch.setattr('os.access', lambda path, mode: False)
    with pytest.raises(SystemExit, match='cannot be written. Write --out'):
        demo()


def test_help_names_the_models(demo, capsys):
    with pytest.raises(SystemExit) as stop:
        demo('--help')
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(f'{m.name}: {m.detects}' in text for m in SHIPPED.values())
