"""Images in front of an exported detector: with OpenCV and without, as mmcv does it."""

import builtins
import struct
import zlib

import mmcv
import numpy as np
import pytest
from PIL import Image

from surge_mmdet.onnx_detector.image import (
    filled,
    new_size,
    prepare,
    read_image,
    resize,
    resize_by_numpy,
)  # fmt: skip


@pytest.fixture
def without_opencv(monkeypatch):
    """An interpreter in which OpenCV is not installed."""
    real = builtins.__import__

    def importing(name, *args, **kwargs):
        if name == 'cv2':
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', importing)


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize('size', [(480, 640), (33, 40), (7, 300), (600, 333), (149, 298)])
@pytest.mark.parametrize('scale', [(320, 240), (1333, 800)])
def test_sizes_are_mmcvs(size, scale):
    wide, high = mmcv.rescale_size(size[::-1], scale)
    assert new_size(*size, dict(scale=list(scale), keep_ratio=True)) == (high, wide)
    assert new_size(*size, dict(scale=list(scale), keep_ratio=False)) == scale[::-1]


@pytest.mark.parametrize('new', [(24, 32), (100, 70), (48, 64), (31, 90)])
def test_numpy_resizes_as_opencv(new):
    """OpenCV computes in fixed point: a level of 256 apart, at most."""
    old = image(48, 64)
    ours, theirs = resize_by_numpy(old, *new), resize(old, *new)
    assert ours.shape == theirs.shape == (*new, 3)
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert (ours == theirs).mean() > 0.85


def test_without_opencv_numpy_resizes(without_opencv):
    old = image(48, 64)
    np.testing.assert_array_equal(resize(old, 20, 30), resize_by_numpy(old, 20, 30))


def test_pillow_reads_what_opencv_reads(tmp_path, request):
    mmcv.imwrite(image(20, 30), str(tmp_path / 'a.png'))
    want = read_image(tmp_path / 'a.png')
    np.testing.assert_array_equal(want, image(20, 30))
    request.getfixturevalue('without_opencv')
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png'), want)


@pytest.mark.parametrize('opencv', [True, False])
@pytest.mark.parametrize('data', [b'', b'a text', b'\xff\xd8\xff\xe0 a photograph, cut off'])
def test_what_is_no_image_is_refused(tmp_path, request, opencv, data):
    (tmp_path / 'a.jpg').write_bytes(data)
    if not opencv:
        request.getfixturevalue('without_opencv')
    why = rf'is no image that can be read, or was cut off \({len(data)} bytes\). Open it in'
    with pytest.raises(ValueError, match=why):
        read_image(tmp_path / 'a.jpg')


@pytest.mark.parametrize('opencv', [True, False])
def test_a_gif_is_refused_whatever_reads(tmp_path, request, opencv):
    Image.fromarray(image(8, 8)).save(tmp_path / 'a.gif')
    if not opencv:
        request.getfixturevalue('without_opencv')
    with pytest.raises(ValueError, match='a GIF. Save it as PNG'):
        read_image(tmp_path / 'a.gif')


@pytest.mark.parametrize('kind', ['png', 'tiff'])
def test_16_bits_are_read_by_their_upper_8(tmp_path, request, kind):
    """30,000 of 65,535 is grey; Pillow alone would make it white."""
    path = tmp_path / f'a.{kind}'
    deep = np.uint16([[0, 255, 256, 30_000, 65_535]]).repeat(2, axis=0)
    mmcv.imwrite(deep, str(path))
    want = read_image(path)
    assert want[0, :, 0].tolist() == [0, 0, 1, 117, 255]
    request.getfixturevalue('without_opencv')
    np.testing.assert_array_equal(read_image(path), want)


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch, without_opencv):
    mmcv.imwrite(image(20, 30), str(tmp_path / 'a.png'))

    def refused(path):
        raise PermissionError(13, 'Permission denied', str(path))

    monkeypatch.setattr('PIL.Image.open', refused)
    with pytest.raises(PermissionError, match='Permission denied: .*a.png'):
        read_image(tmp_path / 'a.png')


def large_png(width: int, height: int) -> bytes:
    """All of a black and white image that a reader needs to refuse it."""
    parts = [b'\x89PNG\r\n\x1a\n']
    about = struct.pack('>IIBBBBB', width, height, 1, 0, 0, 0, 0)
    for kind, data in ((b'IHDR', about), (b'IDAT', zlib.compress(bytes(100)))):
        body = kind + data
        parts += [struct.pack('>I', len(data)), body, struct.pack('>I', zlib.crc32(body))]
    return b''.join(parts)


@pytest.mark.parametrize('opencv', [True, False])
@pytest.mark.parametrize('side', [12_000, 13_500, 40_000])
def test_more_pixels_than_are_read_are_one_sentence(tmp_path, request, opencv, side):
    """Pillow has limits of its own above ours; OpenCV takes 2 ** 30 pixels."""
    if opencv and side < 2**15:
        pytest.skip('OpenCV reads it')
    (tmp_path / 'a.png').write_bytes(large_png(side, side))
    if not opencv:
        request.getfixturevalue('without_opencv')
    with pytest.raises(ValueError, match='has more pixels than .*Make it smaller'):
        read_image(tmp_path / 'a.png')


@pytest.mark.slow
def test_a_large_photograph_is_read_with_opencv(tmp_path):
    side = 13_500
    mmcv.imwrite(np.full((side, side), 128, np.uint8), str(tmp_path / 'a.jpg'))
    found = read_image(tmp_path / 'a.jpg')
    assert found.shape == (side, side, 3) and found[0, 0].tolist() == [128] * 3


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='is no file'):
        read_image(tmp_path / 'a.jpg')


RECIPE = dict(scale=[6, 4], keep_ratio=False, pad_to=None, square=False, fill=[114.0] * 3)


def test_filled_up_to_a_square_or_a_size():
    small = image(4, 6)
    square = filled(small, dict(RECIPE, square=True))
    assert square.shape == (6, 6, 3) and (square[4:] == 114).all()
    np.testing.assert_array_equal(square[:4], small)
    assert filled(small, dict(RECIPE, pad_to=[8, 10])).shape == (10, 8, 3)
    assert filled(small, RECIPE) is small


def test_an_image_is_normalized_and_its_scale_told():
    recipe = dict(RECIPE, mean=[1.0, 2.0, 3.0], std=[2.0, 2.0, 2.0], bgr_to_rgb=True)
    small = image(4, 6)
    values, scale = prepare(small, recipe)
    assert values.shape == (1, 3, 4, 6) and values.dtype == np.float32
    np.testing.assert_allclose(values[0, 0], (small[..., 2].astype(float) - 1) / 2)
    assert scale.tolist() == [1, 1, 1, 1]
    assert prepare(image(8, 6), recipe)[1].tolist() == [1, 0.5, 1, 0.5]
