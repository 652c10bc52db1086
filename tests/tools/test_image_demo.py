"""Detecting in images, folders, videos and cameras."""

import re
import resource
import shutil
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ROOT
from deploy.packing import SMALL_FASTER, config, detector, save
from mmengine.config import Config
from PIL import Image

from surge_mmdet.demo import opening, running, sources
from surge_mmdet.shipped import SHIPPED

PHOTOGRAPH = SHIPPED['digits'].photograph
FRAMES = 5
RATE = re.compile(
    r'(\d+) (?:image|frame)s?, (\d+) boxes, [\d.]+ per second; detecting alone [\d.]+'
)


@pytest.fixture
def demo(run_tool, tmp_path, monkeypatch):
    """Run the tool in an empty folder; what it prints."""
    monkeypatch.chdir(tmp_path)
    return partial(run_tool, 'image_demo.py', errors=True)


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    """The digits, moving to the right."""
    path = tmp_path_factory.mktemp('video') / 'moving.mp4'
    image = cv2.imread(str(PHOTOGRAPH))
    height, width = image.shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 12, (width, height))
    for i in range(FRAMES):
        writer.write(np.roll(image, 4 * i, 1))
    writer.release()
    return path


def changed(one: np.ndarray, other: np.ndarray) -> float:
    """Share of pixels that are far apart."""
    return (np.abs(one.astype(int) - other) > 60).any(-1).mean()


def frames(path) -> list:
    with sources.open_source(str(path)) as source:
        return [frame.copy() for frame in source.frames]


def test_an_image_is_drawn_in_under_its_name(demo):
    text = demo(PHOTOGRAPH)
    assert 'packed detector of 10 classes (kernel ' in text
    count, boxes = map(int, RATE.search(text).groups())
    assert count == 1 and boxes >= 4 and 'written: found/digits.jpg' in text
    assert changed(cv2.imread('found/digits.jpg'), cv2.imread(str(PHOTOGRAPH))) > 0.01


def test_a_folder_goes_on_behind_a_file_that_is_no_image(demo, tmp_path, capsys):
    (tmp_path / 'in').mkdir()
    for name in ('b.png', 'd.jpg'):
        cv2.imwrite(str(tmp_path / 'in' / name), cv2.imread(str(PHOTOGRAPH)))
    (tmp_path / 'in/a.jpg').write_text('hello')
    (tmp_path / 'in/c.jpg').write_bytes(PHOTOGRAPH.read_bytes()[:3000])
    (tmp_path / 'in/notes.txt').write_text('not looked at')
    Image.new('P', (8, 8)).save(tmp_path / 'in/e.gif')
    (tmp_path / 'in/deeper').mkdir()
    with pytest.raises(SystemExit) as stop:
        demo('in', '--out-dir', 'new/found')
    assert stop.value.code == 1
    text = capsys.readouterr().out
    assert RATE.search(text)[1] == '2'
    assert sorted(p.name for p in (tmp_path / 'new/found').iterdir()) == ['b.png', 'd.jpg']
    assert re.findall(r'left out: (\S+) is no image', text) == ['in/a.jpg', 'in/c.jpg', 'in/e.gif']


def test_a_video_becomes_one_of_as_many_frames(demo, video):
    text = demo(video)
    assert int(RATE.search(text)[1]) == FRAMES and f'{FRAMES}/{FRAMES}' in text
    with sources.open_source('found/moving.mp4') as written:
        assert (written.count, written.rate) == (FRAMES, 12)
    before, after = frames(video), frames('found/moving.mp4')
    assert len(after) == FRAMES and after[0].shape == before[0].shape
    assert all(changed(*pair) > 0.01 for pair in zip(after, before, strict=True))


def test_a_limit_ends_a_video(demo, video):
    text = demo(video, '--limit', 2)
    assert RATE.search(text)[1] == '2' and '2/2' in text and 'ends' not in text
    assert len(frames('found/moving.mp4')) == 2


def test_a_video_that_announces_more_is_told(demo, video, monkeypatch):
    monkeypatch.setattr(sources, '_frames', lambda capture, first: iter([first]))
    assert f'the video ends {FRAMES - 1} frames before it says' in demo(video)


class Camera:
    """What OpenCV gives for a camera: frames without end, and no rate."""

    def __init__(self, source) -> None:
        self.source, self.open, self.count = source, source == 0, 0

    def isOpened(self) -> bool:
        return self.open

    def get(self, what) -> float:
        return 0.0

    def read(self) -> tuple:
        self.count += 1
        if self.count > 3:
            raise KeyboardInterrupt
        return self.open, cv2.imread(str(PHOTOGRAPH)) if self.open else None

    def release(self) -> None:
        self.open = False


def test_a_camera_runs_until_it_is_interrupted(demo, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr('cv2.VideoCapture', Camera)
        text = demo('0')
    assert RATE.search(text)[1] == '3' and 'written: found/camera0.mp4' in text
    with sources.open_source('found/camera0.mp4') as written:
        assert (written.count, written.rate) == (3, sources.RATE)


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """A tiny 1-bit detector and a float one."""
    folder = tmp_path_factory.mktemp('checkpoints')
    save(config('FasterRCNN'), folder / 'binary.pth')
    twin = Config.fromfile(ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_fp32_12e_bccd.py')
    twin.merge_from_dict(dict(model=SMALL_FASTER))
    save(twin, folder / 'float.pth', detector(twin))
    return folder


@pytest.mark.parametrize('file, kind', [('binary', 'simulated'), ('float', 'float')])
def test_a_checkpoint_runs_as_what_it_holds(file, kind, demo, checkpoints):
    text = demo(PHOTOGRAPH, '--checkpoint', checkpoints / f'{file}.pth', '--score-thr', 0)
    assert f'{kind} detector of 3 classes (PyTorch' in text
    assert int(RATE.search(text)[2]) > 0


@pytest.fixture
def mistakes(tmp_path, video):
    """Files that are no images and no videos."""
    (tmp_path / 'text.jpg').write_text('hello')
    (tmp_path / 'text.mp4').write_text('hello')
    (tmp_path / 'cut.mp4').write_bytes(video.read_bytes()[:2000])
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'bad').mkdir()
    for name in 'ab':
        (tmp_path / f'bad/{name}.png').touch()
    shutil.copy(PHOTOGRAPH, tmp_path / 'own.jpg')
    return tmp_path


@pytest.mark.parametrize(
    'arguments, why',
    [
        (['none.jpg'], 'none.jpg does not exist. Name an image, a folder, a video, or the number'),
        (['97'], 'camera 97 does not exist, gives no image, or is used by another program'),
        (['text.jpg'], 'text.jpg is no image that OpenCV can read'),
        (['text.mp4'], r'text.mp4 is no video that OpenCV can read, or was cut off \(5 bytes\)'),
        (['cut.mp4'], r'cut.mp4 is no video .*\(2000 bytes\). Convert it: ffmpeg -i cut.mp4'),
        (['empty'], 'empty holds no image'),
        (['bad'], 'nothing in bad can be read: bad/a.png is no image'),
        (['own.jpg', '--out-dir', '.'], 'images would be overwritten. Write --out-dir found'),
        (['own.jpg', '--out-dir', 'text.jpg'], 'text.jpg is a file. Write --out-dir with a folder'),
        (['own.jpg', '--model', 'bcd'], 'known are digits, bccd'),
        (['own.jpg', '--config', 'c.py'], 'belongs to a checkpoint'),
        (['own.jpg', '--model', 'bccd', '--checkpoint', 'x.pth'], 'two detectors are named'),
        (['own.jpg', '--checkpoint', 'x.pth'], 'x.pth does not exist. Name a checkpoint'),
    ],
)
def test_a_mistake_is_one_sentence(arguments, why, demo, mistakes):
    with pytest.raises(SystemExit, match=why) as stop:
        demo(*arguments)
    assert '\n' not in str(stop.value)
    assert not (mistakes / 'found').exists()


def test_an_image_is_looked_at_before_the_detector_is_loaded(demo, mistakes, monkeypatch):
    monkeypatch.setattr(opening, 'open_one', lambda *_: pytest.fail('it was loaded'))
    with pytest.raises(SystemExit, match='text.jpg is no image'):
        demo('text.jpg')


@pytest.mark.parametrize('option', ['--score-thr=2', '--score-thr=nan', '--limit=0', '--limit=x'])
def test_options_that_cannot_be(option, demo, capsys):
    with pytest.raises(SystemExit):
        demo('own.jpg', option)
    assert option.split('=')[0] in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='memory is read from /proc')
def test_memory_is_constant_over_many_frames(tmp_path):
    image, seen = cv2.imread(str(PHOTOGRAPH)), []

    def moving():
        for i in range(400):
            if i in (100, 399):
                pages = int(Path('/proc/self/statm').read_text().split()[1])
                seen.append(pages * resource.getpagesize())
            yield np.roll(image, 4 * i, 1)

    source = sources.Source('moving', frames=moving(), count=400)
    assert running.run(opening.open_one('digits'), source, tmp_path, 0.3).count == 400
    assert seen[1] - seen[0] < 10e6
