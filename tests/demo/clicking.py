"""A browser without a window, and what a person does in it."""

import shutil
from contextlib import contextmanager

import pytest

api = pytest.importorskip(
    'playwright.sync_api', reason='playwright is not here: pip install -r requirements/tests.txt'
)
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
PHONE, DESK = dict(width=360, height=740), dict(width=1200, height=900)
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason='no chromium: apt-get install chromium'),
]
expect = api.expect
expect.set_options(timeout=120_000)  # of a machine that does other things too


@pytest.fixture(scope='module')
def browser():
    with api.sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        found = playwright.chromium.launch(executable_path=BROWSER, args=['--no-sandbox'])
        yield found
        found.close()


@pytest.fixture(params=['light', 'dark'])
def scheme(request):
    return request.param


@contextmanager
def opened(browser, address: str, **options):
    """A page; what goes wrong in it, or leaves this machine, fails the test."""
    context = browser.new_context(**options)
    found, wrong = context.new_page(), []
    found.on('pageerror', lambda error: wrong.append(str(error)))
    context.on('request', lambda r: r.url.startswith((address, 'blob:')) or wrong.append(r.url))
    found.goto(address)
    yield found
    context.close()
    assert not wrong


def send(page, content: bytes, name: str = 'photo.jpg', kind: str = 'image/jpeg') -> None:
    """Choose a file."""
    page.set_input_files('#file', dict(name=name, mimeType=kind, buffer=content))


def drop(page, content: bytes, name: str) -> None:
    """Drop a file on the page, which shows that it may be dropped."""
    data = page.evaluate_handle(
        """([bytes, name]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/jpeg'}));
            return data;
        }""",
        [list(content), name],
    )
    page.dispatch_event('#drop', 'dragover', dict(dataTransfer=data))
    assert 'dragging' in page.locator('body').get_attribute('class')
    page.dispatch_event('#drop', 'drop', dict(dataTransfer=data))
    assert 'dragging' not in page.locator('body').get_attribute('class')


def reached_by_tab(page, count: int) -> list:
    """What the first Tabs reach, by id or class."""
    found = []
    for _ in range(count):
        page.keyboard.press('Tab')
        found.append(page.evaluate('document.activeElement.id || document.activeElement.className'))
    return found


def check_readable(page, *selectors: str) -> None:
    """By WCAG 2, level AA."""
    for selector in selectors:
        assert contrast(page, selector) >= 4.5, selector


def contrast(page, selector: str) -> float:
    """Of a text to what is behind it, by WCAG 2."""
    colours = page.locator(f'{selector} >> visible=true').first.evaluate(
        """node => {
            const text = getComputedStyle(node).color;
            let ground = 'rgba(0, 0, 0, 0)';
            for (let at = node; at && ground === 'rgba(0, 0, 0, 0)'; at = at.parentElement)
                ground = getComputedStyle(at).backgroundColor;
            return [text, ground].map(c => c.match(/\\d+/g).slice(0, 3).map(Number));
        }"""
    )
    dark, light = sorted(map(luminance, colours))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list) -> float:
    linear = [(v / 255 / 12.92) if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def check_boxes_and_slider(page, card) -> None:
    """Boxes lie on the picture, and the slider hides some of them, by mouse and by keyboard."""
    expect(card.locator('.box').first).to_be_visible()
    many = card.locator('.box').count()
    assert card.locator('.count').inner_text() == str(many)
    assert card.locator('tbody tr').count() == many
    picture = card.locator('.picture').bounding_box()
    for box in card.locator('.box').all():
        place = box.bounding_box()
        assert place['x'] >= picture['x'] - 2 and place['y'] >= picture['y'] - 2
        assert place['x'] + place['width'] <= picture['x'] + picture['width'] + 2
    page.locator('#score').fill('0.8')
    few = card.locator('.box').count()
    assert 0 < few < many and page.locator('#score-value').inner_text() == '0.80'
    page.locator('#score').focus()
    page.keyboard.press('End')
    assert card.locator('.box').count() <= few
    assert page.locator('#score-value').inner_text() == '0.95'
