"""Images from bytes: as the command reads files, and nothing more than is allowed."""

import io
import tracemalloc

import cv2
import numpy as np
import pytest
from conftest import photo_crop
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from uploads import PHOTOGRAPH, image, png_bomb

from surge_mmdet.demo.images import read_image
from surge_mmdet.demo.web.decoding import MOST_MEGAPIXELS, TooLarge, decode

COLOURS = Image.fromarray(photo_crop(3)[..., ::-1].copy())


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def turned(orientation: int) -> bytes:
    """A JPEG whose camera was held another way."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(COLOURS, 'JPEG', exif=exif, quality=95)


ODD = {
    'photograph': PHOTOGRAPH,
    'grey': saved(COLOURS.convert('L'), 'PNG'),
    'grey with transparency': saved(COLOURS.convert('LA'), 'PNG'),
    'transparency': saved(COLOURS.convert('RGBA'), 'PNG'),
    'palette': saved(COLOURS.convert('P'), 'PNG'),
    'one bit': saved(COLOURS.convert('1'), 'PNG'),
    '16 bits': saved(Image.fromarray(np.arange(4000, 64000, 24, np.uint16).reshape(50, 50)), 'PNG'),
    'BMP': saved(COLOURS, 'BMP'),
    'WebP': saved(COLOURS, 'WEBP', lossless=True),
    'progressive': saved(COLOURS, 'JPEG', progressive=True),
    'turned': turned(6),
    'mirrored': turned(2),
    'one pixel': saved(COLOURS.resize((1, 1)), 'PNG'),
}


@pytest.mark.parametrize('kind', ODD)
def test_it_is_what_the_command_reads(kind, tmp_path):
    """To 2 of 255 grey levels: two libraries of JPEG."""
    path = tmp_path / 'image'
    path.write_bytes(ODD[kind])
    ours, theirs = decode(ODD[kind]), read_image(path)
    assert ours.shape == theirs.shape and ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_cmyk_becomes_coloured():
    found = decode(saved(COLOURS.convert('CMYK'), 'JPEG', quality=95))
    assert np.abs(found.astype(int) - np.asarray(COLOURS)[..., ::-1]).mean() < 12


def test_a_bomb_costs_no_memory():
    for size in ((5_001, 5_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)):
        content = png_bomb(*size)
        tracemalloc.start()
        with pytest.raises(ValueError, match='pixels|damaged'):
            decode(content)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 5e6


def test_the_limit_is_the_number_of_pixels():
    content = image(size=(40, 25))
    assert decode(content, most_pixels=1000).shape == (25, 40, 3)
    with pytest.raises(TooLarge, match='has 40x25 pixels, more than 0.000999 million'):
        decode(content, most_pixels=999)


def test_pillow_refuses_nothing_that_may_be_allowed():
    assert MOST_MEGAPIXELS == 2 * Image.MAX_IMAGE_PIXELS // 10**6


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_is_an_image_or_one_sentence(data):
    content = bytearray(data.draw(st.sampled_from(sorted(ODD.values()))))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = decode(content)
    except ValueError as error:
        assert str(error) and '\n' not in str(error)
    else:
        assert found.ndim == 3 and found.size <= 3 * 25e6


def test_opencv_would_take_what_is_refused_here():
    """The kinds are a choice, not what the decoder happens to know."""
    tiff = image(kind='TIFF')
    assert cv2.imdecode(np.frombuffer(tiff, np.uint8), cv2.IMREAD_COLOR) is not None
    with pytest.raises(ValueError, match='JPEG, PNG, WEBP, BMP'):
        decode(tiff)
