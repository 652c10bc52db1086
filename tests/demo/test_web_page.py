"""Clicking through the page in a browser without a window."""

from contextlib import contextmanager

import pytest

pytest.importorskip('starlette', reason='the page is not installed: pip install -e .[demo]')
from clicking import (  # noqa: E402
    DESK,
    MARKS,
    PHONE,
    browser,
    check_boxes_and_slider,
    check_readable,
    drop,
    expect,
    opened,
    reached_by_tab,
    scheme,
    send,
)
from uploads import PHOTOGRAPH, image, png_bomb, running_server  # noqa: E402

from surge_mmdet.shipped import SHIPPED  # noqa: E402

pytestmark = MARKS
__all__ = ['browser', 'scheme']  # fixtures


@pytest.fixture(scope='module')
def server():
    with running_server() as (address, process):
        yield address
        assert process.poll() is None


@pytest.fixture
def page(browser, server):
    with ready(browser, server, viewport=DESK) as found:
        yield found


@contextmanager
def ready(browser, server, **options):
    with opened(browser, server, **options) as found:
        expect(found.locator('#model option')).to_have_count(2)
        yield found


def test_the_example_shows_two_cards(page):
    page.get_by_role('button', name='Try the example').click()
    cards = page.locator('.card')
    expect(cards).to_have_count(2)
    assert cards.locator('h2').all_inner_texts() == ['Simulated', 'Packed']
    sizes = cards.locator('.size').all_inner_texts()
    packed = SHIPPED['digits'].path.stat().st_size / 1e6
    assert sizes == ['55.0 MB', f'{packed:.2f} MB']
    assert cards.locator('.size-versus').all_inner_texts() == [
        'reference',
        f'{55 / packed:.0f}× smaller',
    ]
    for time in cards.locator('.time').all_inner_texts():
        assert float(time.removesuffix(' ms')) > 0
    expect(page.get_by_role('status')).to_have_text('Example, 384×288 pixels')
    assert page.locator('.picture img').first.evaluate('i => i.naturalWidth') == 384


def test_boxes_lie_on_the_picture_and_follow_the_slider(page):
    send(page, PHOTOGRAPH)
    check_boxes_and_slider(page, page.locator('.card[data-kind=packed]'))


def test_a_dropped_file_is_detected_in(page):
    drop(page, PHOTOGRAPH, 'dropped.jpg')
    expect(page.get_by_role('status')).to_have_text('dropped.jpg, 384×288 pixels')


def test_another_detector_takes_the_same_image(page):
    send(page, PHOTOGRAPH)
    expect(page.locator('.card')).to_have_count(2)
    page.select_option('#model', 'bccd')
    expect(page.locator('.size').last).to_have_text('2.52 MB')
    expect(page.get_by_role('button', name='Try the example')).to_be_hidden()
    expect(page.locator('#detects')).to_have_text(
        'Finds red and white blood cells and platelets in micrographs.'
    )


@pytest.mark.parametrize(
    'content, words',
    [
        (b'hello', 'Refused: this file is no image of a kind that is read here'),
        (PHOTOGRAPH[:4000], 'Refused: this image is damaged or was cut off'),
        (png_bomb(6000, 6000), 'Refused: this image has 6000x6000 pixels'),
        (bytes(11_000_000), 'a.jpg has 11.0 MB; at most 10.0 MB are taken.'),
    ],
)
def test_a_refusal_is_shown_and_the_next_image_works(content, words, page):
    send(page, content, 'a.jpg')
    alert = page.get_by_role('alert')
    expect(alert).to_contain_text(words)
    send(page, image(), 'plain.png', 'image/png')
    status = page.get_by_role('status')
    expect(status).to_have_text('plain.png, 64×48 pixels')
    expect(alert).to_be_hidden()
    assert page.locator('.count').all_inner_texts() == ['0', '0']
    send(page, content, 'a.jpg')
    expect(alert).to_contain_text(words)
    expect(status).to_have_text('plain.png, 64×48 pixels')  # what the cards still show


def test_the_name_of_a_file_is_only_text(page):
    send(page, PHOTOGRAPH, '<img src=x onerror=alert(1)>.jpg')
    expect(page.get_by_role('status')).to_contain_text('<img src=x onerror=alert(1)>.jpg')
    assert page.locator('#status img').count() == 0


def test_a_server_that_went_away_is_told(page):
    page.route('**/api/detect*', lambda route: route.abort())
    send(page, PHOTOGRAPH)
    expect(page.get_by_role('alert')).to_have_text(
        'The server does not answer. Is it still running?'
    )


@pytest.mark.parametrize('size', [PHONE, DESK], ids=['phone', 'desk'])
def test_nothing_sticks_out_and_everything_can_be_read(size, scheme, browser, server):
    with ready(browser, server, viewport=size, color_scheme=scheme) as page:
        page.get_by_role('button', name='Try the example').click()
        expect(page.locator('.card')).to_have_count(2)
        page.locator('summary').first.click()
        assert page.evaluate('document.documentElement.scrollWidth') <= size['width']
        columns = {round(card.bounding_box()['x']) for card in page.locator('.card').all()}
        assert len(columns) == (1 if size is PHONE else 2)
        check_readable(page, 'body', '.hint', 'dt', 'dd.better', 'button', 'summary', '.runs-on')


def test_it_works_by_keyboard_and_names_its_controls(page):
    for role, name in (('combobox', 'Detector'), ('slider', 'Least score'), ('button', 'Try')):
        assert page.get_by_role(role, name=name).count() == 1
    assert page.get_by_label('Drop an image, or choose one').count() == 1
    assert reached_by_tab(page, 5) == ['skip', 'file', 'model', 'score', 'example']
    page.keyboard.press('Enter')
    expect(page.locator('.card')).to_have_count(2)
    assert all(each.get_attribute('alt') for each in page.locator('.picture img').all())


def test_ratios_say_which_way_they_go(page):
    """Against the first card: the second takes a fifth of its time and is a tenth larger."""
    page.route('**/api/models', lambda route: route.fulfill(json=MODELS))
    page.route('**/api/detect*', lambda route: route.fulfill(json=ANSWER))
    page.reload()
    send(page, PHOTOGRAPH)
    expect(page.locator('.card')).to_have_count(3)
    times = page.locator('.time-versus').all_inner_texts()
    sizes = page.locator('.size-versus').all_inner_texts()
    assert times == ['reference', '5.0× as fast', '2.0× as long']
    assert sizes == ['reference', '1.1× larger', 'the same']
    better = page.locator('.better').all_inner_texts()
    assert better == ['5.0× as fast']


KINDS = ('float', 'simulated', 'packed')
MODELS = dict(
    groups=[
        dict(
            name='own',
            detects='things',
            classes=['thing'],
            example=False,
            twins=[
                dict(kind=kind, bytes=size, runs_on='x')
                for kind, size in zip(KINDS, (1000, 1100, 1000), strict=True)
            ],
        )
    ],
    limits=dict(bytes=10**7, pixels=10**7, formats=['JPEG']),
)
ANSWER = dict(
    width=384,
    height=288,
    results=[
        dict(kind=kind, milliseconds=ms, boxes=[])
        for kind, ms in zip(KINDS, (10, 2, 20), strict=True)
    ],
)
