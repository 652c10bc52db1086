"""Clicking through the page that detects in the browser, with the real runtime."""

import io
import itertools
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip('cv2', reason='pixels are compared with OpenCV')
from browser_pages import COUNT, MARKS, SIZE, TOY, folder, open_model, ready, server  # noqa: E402
from clicking import (  # noqa: E402
    DESK,
    PHONE,
    browser,
    check_boxes_and_slider,
    check_readable,
    drop,
    expect,
    reached_by_tab,
    scheme,
    send,
)
from onnx_detector.toy_files import BOXES, model  # noqa: E402
from PIL import Image  # noqa: E402
from uploads import PHOTOGRAPH, image, png_bomb  # noqa: E402

from surge_mmdet.onnx_detector import OnnxDetector  # noqa: E402
from surge_mmdet.onnx_detector.file import sealed  # noqa: E402
from surge_mmdet.onnx_detector.image import read_image  # noqa: E402

pytestmark = MARKS
__all__ = ['browser', 'folder', 'scheme', 'server']  # fixtures
NUMBERS = itertools.count()  # no two files of one page have one name
ALONE = """async bytes => {
    if (!globalThis.alone) {
        const {Detector} = await import('./static/detector.js');
        const settings = await (await fetch('settings.json')).json();
        globalThis.alone = new Detector(settings.format);
        await alone.open(await (await fetch(settings.model)).blob(), settings.model);
    }
    const {bitmap, ...answer} = await alone.detect(new Blob([new Uint8Array(bytes)]));
    return answer;
}"""
PIXELS = """async bytes => {
    const {decode} = await import('./static/image_file.js');
    const {pixels, width, height} = await decode(new Blob([new Uint8Array(bytes)]));
    return {pixels: Array.from(pixels), width, height};
}"""


@pytest.fixture
def page(browser, server):
    """A page for one test."""
    with ready(browser, server, viewport=DESK) as found:
        yield found


@pytest.fixture(scope='module')
def kept(browser, server):
    """A page for all tests that leave its detector and its slider as they are."""
    with ready(browser, server, viewport=DESK) as found:
        yield found


def png(pixels: np.ndarray) -> bytes:
    """Of blue, green and red."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[..., ::-1])).save(file, 'PNG')
    return file.getvalue()


def test_the_example_shows_one_card(page):
    expect(page.locator('#detects')).to_have_text(
        'Finds handwritten digits, zero to nine, on photographs.'
    )
    page.get_by_role('button', name='Try the example').click()
    card = page.locator('.card')
    expect(card).to_have_count(1)
    expect(page.get_by_role('status')).to_have_text('Example, 384×288 pixels')
    assert card.locator('h2').inner_text() == 'Digits'
    assert card.locator('.size').inner_text() == SIZE
    assert float(card.locator('.time').inner_text().removesuffix(' ms')) > 0
    said = card.locator('.runs-on').inner_text()
    assert re.fullmatch(r'ONNX Runtime Web 1\.30\.0, WebAssembly, \d threads?', said)
    assert page.locator('canvas').evaluate('c => [c.width, c.height]') == [384, 288]
    assert len(page.workers) >= 1  # it computes there, and the page stays free
    assert page.evaluate('crossOriginIsolated')


def test_boxes_lie_on_the_picture_and_follow_the_slider(page):
    send(page, PHOTOGRAPH)
    check_boxes_and_slider(page, page.locator('.card'))


@pytest.mark.parametrize('rows, columns', [(288, 384), (201, 333), (17, 384), (1, 1)])
def test_boxes_are_those_of_onnx_runtime_in_python(rows, columns, kept, folder, tmp_path):
    file = tmp_path / 'a.png'
    (tmp_path / 'whole.jpg').write_bytes(PHOTOGRAPH)
    file.write_bytes(png(read_image(tmp_path / 'whole.jpg')[:rows, :columns]))
    wanted = OnnxDetector(folder / 'model.onnx', threads=1)(file, score=0.05)
    found = kept.evaluate(ALONE, list(file.read_bytes()))
    assert (found['height'], found['width']) == (rows, columns)
    assert [box['label'] for box in found['boxes']] == wanted['labels'].tolist()
    assert len(found['boxes']) > 10 or rows < 200
    for box, wanted_box, score in zip(
        found['boxes'], wanted['bboxes'], wanted['scores'], strict=True
    ):
        np.testing.assert_allclose(box['box'], wanted_box, rtol=1e-5, atol=1e-3)
        np.testing.assert_allclose(box['score'], score, rtol=1e-4)


@pytest.mark.parametrize(
    'kind, options',
    [
        ('PNG', {}),
        ('BMP', {}),
        ('WEBP', dict(lossless=True)),
        ('JPEG', dict(quality=95, subsampling=0)),
        *(('JPEG', dict(quality=95, subsampling=0, turned=turned)) for turned in range(2, 9)),
    ],
)
def test_pixels_are_those_that_opencv_reads(kind, options, kept, tmp_path):
    """Whatever the file, and however its camera was held."""
    options = dict(options)
    values = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    values = values.repeat(8, 0).repeat(8, 1)
    turned = options.pop('turned', None)
    if turned:
        options['exif'] = Image.Exif()
        options['exif'][274] = turned  # Orientation
    Image.fromarray(values).save(tmp_path / 'a', kind, **options)
    wanted = read_image(tmp_path / 'a')
    found = kept.evaluate(PIXELS, list((tmp_path / 'a').read_bytes()))
    assert (found['height'], found['width']) == wanted.shape[:2]
    assert wanted.shape[:2] == ((56, 40) if turned and turned > 4 else (40, 56))
    np.testing.assert_array_equal(np.reshape(found['pixels'], wanted.shape), wanted)


def test_a_dropped_image_is_detected_in_and_a_dropped_model_is_opened(page):
    drop(page, PHOTOGRAPH, 'dropped.jpg')
    expect(page.get_by_role('status')).to_have_text('dropped.jpg, 384×288 pixels')
    drop(page, TOY, 'toy.onnx')
    expect(page.locator('h2')).to_have_text('toy')
    expect(page.locator('#detects')).to_have_text('Finds cat, dog.')
    expect(page.get_by_role('status')).to_have_text('dropped.jpg, 384×288 pixels')
    row = ['dog', '0.90', *(str(round(value)) for value in BOXES[0].tolist())]
    assert page.locator('tbody td').all_text_contents() == row


@pytest.mark.parametrize(
    'content, words',
    [
        (b'', 'This file is empty.'),
        (b'hello', 'This file is no image of a kind that is read here (JPEG, PNG, WEBP, BMP).'),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 'This file is no image'),
        (PHOTOGRAPH[:4000], 'This image is damaged or was cut off.'),
        (PHOTOGRAPH[:-200], 'This image is damaged or was cut off.'),
        (PHOTOGRAPH[:3], 'This image is damaged or was cut off.'),
        (png_bomb(5000, 5000), 'This image has 5000x5000 pixels, more than 16 million.'),
        (png_bomb(4000, 4000), 'This image is damaged or was cut off.'),
    ],
)
def test_a_refusal_is_shown_and_the_next_image_works(content, words, kept):
    send(kept, content, 'a.jpg')
    alert = kept.get_by_role('alert')
    expect(alert).to_contain_text(words)
    name = f'{next(NUMBERS)}.png'
    send(kept, image(), name, 'image/png')
    status = kept.get_by_role('status')
    expect(status).to_have_text(f'{name}, 64×48 pixels')
    expect(alert).to_be_hidden()
    assert kept.locator('.count').inner_text() == '0'
    send(kept, content, 'a.jpg')
    expect(alert).to_contain_text(words)
    expect(status).to_have_text(f'{name}, 64×48 pixels')  # what the card still shows


def test_a_file_of_too_many_bytes_is_not_read(kept):
    kept.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(25100000)], 'large.jpg'));
            document.getElementById('file').files = data.files;
            document.getElementById('file').dispatchEvent(new Event('change'));
        }"""
    )
    expect(kept.get_by_role('alert')).to_have_text(
        'large.jpg has 25.1 MB; at most 25.0 MB are taken.'
    )


def changed(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    'content, words',
    [
        (b'', 'a.onnx (0 bytes) was cut off, or is no ONNX detector of surge_mmdet'),
        (b'hello' * 99, 'was cut off, or is no ONNX detector'),
        (PHOTOGRAPH, 'was cut off, or is no ONNX detector'),
        (TOY[:-1], 'was cut off, or is no ONNX detector'),
        (TOY[: len(TOY) // 2], 'was cut off, or is no ONNX detector'),
        (TOY + b'\0\0', 'was cut off, or is no ONNX detector'),
        (model(input='uint8'), 'was cut off, or is no ONNX detector'),
        (changed(TOY, len(TOY) // 2), 'a.onnx is damaged: its contents are not those'),
        (changed(TOY, len(TOY) - 1), 'a.onnx is damaged: its contents are not those'),
        (sealed(model(input='uint8', format=None)), 'a.onnx is another ONNX model'),
        (
            sealed(model(input='uint8', format_version='2', surge_mmdet='9.9')),
            'a.onnx has format version 2, written by surge_mmdet 9.9; this page reads up to 1.',
        ),
        (sealed(model(input='uint8', format_version='one')), 'has format version one'),
        (sealed(model(input='uint8', classes=None)), 'lacks classes in its metadata.'),
        (sealed(model()), 'leaves resizing to its caller, and this page does none.'),
    ],
)
def test_a_wrong_model_is_refused_and_the_one_before_stays(content, words, kept):
    open_model(kept, content, 'a.onnx')
    alert = kept.get_by_role('alert')
    expect(alert).to_contain_text(words)
    assert kept.locator('#name').inner_text() == 'digits'
    name = f'{next(NUMBERS)}.jpg'
    send(kept, PHOTOGRAPH, name)
    expect(kept.get_by_role('status')).to_have_text(f'{name}, 384×288 pixels')
    expect(alert).to_be_hidden()
    assert kept.locator('.count').inner_text() == COUNT


def test_after_a_failure_the_next_image_works(page):
    """A detector that takes images of one size only, and fails at all others."""
    open_model(page, sealed(model(input='uint8', size=(48, 64))), 'narrow.onnx')
    expect(page.get_by_role('status')).to_contain_text('narrow is ready')
    send(page, PHOTOGRAPH)
    expect(page.get_by_role('alert')).to_contain_text('The detector failed at this.')
    send(page, image(size=(64, 48)), 'plain.png', 'image/png')
    expect(page.get_by_role('status')).to_have_text('plain.png, 64×48 pixels')
    assert page.locator('.count').inner_text() == '1'


def test_of_many_images_the_last_is_shown(kept):
    for number in range(5):
        send(kept, image(size=(64, 40 + number)), f'{number}.png', 'image/png')
    expect(kept.get_by_role('status')).to_have_text('4.png, 64×44 pixels')


def test_without_a_safe_connection_the_hash_is_not_checked(kept):
    """Browsers offer hashes on https and on this device only; the page says so then."""
    checked = kept.evaluate(
        """async bytes => {
            Object.defineProperty(crypto, 'subtle', {value: undefined});
            const {readMetadata} = await import('./static/model_file.js');
            const format = (await (await fetch('settings.json')).json()).format;
            return (await readMetadata(new Uint8Array(bytes), 'a', format)).checked;
        }""",
        list(TOY),
    )
    assert checked is False


def test_a_plain_web_server_below_another_page_does_too(browser, server, folder):
    """That of Python; without the headers that allow threads."""
    line = [sys.executable, '-u', '-m', 'http.server', '0', '--bind', '127.0.0.1']
    process = subprocess.Popen(
        [*line, '--directory', folder.parent], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        port = re.search(rb'port (\d+)', process.stdout.readline())[1].decode()
        with ready(browser, f'http://127.0.0.1:{port}/page/') as page:
            send(page, PHOTOGRAPH)
            expect(page.locator('.count')).to_have_text(COUNT)
            assert page.locator('.runs-on').inner_text().endswith('WebAssembly, 1 thread')
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize('size', [PHONE, DESK], ids=['phone', 'desk'])
def test_nothing_sticks_out_and_everything_can_be_read(size, scheme, browser, server):
    with ready(browser, server, viewport=size, color_scheme=scheme) as page:
        page.get_by_role('button', name='Try the example').click()
        expect(page.locator('.card')).to_have_count(1)
        page.locator('summary').click()
        assert page.evaluate('document.documentElement.scrollWidth') <= size['width']
        check_readable(page, 'body', '.hint', 'dt', 'button', 'summary', '.runs-on', '#name')


def test_it_works_by_keyboard_and_names_its_controls(page):
    assert page.get_by_role('slider', name='Least score').count() == 1
    assert page.get_by_label('Open an ONNX file').count() == 1
    assert page.get_by_label('Drop an image, or choose one').count() == 1
    assert reached_by_tab(page, 5) == ['skip', 'file', 'model', 'score', 'example']
    page.keyboard.press('Enter')
    expect(page.get_by_role('img', name='Example with the boxes of the detector')).to_be_visible()
