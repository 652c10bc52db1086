"""Clicking through the page in a browser without a window."""

import shutil

import pytest
from uploads import PHOTOGRAPH, image, png_bomb, running_server

pytest.importorskip('starlette', reason='the page is not installed: pip install -e .[demo]')
api = pytest.importorskip(
    'playwright.sync_api', reason='playwright is not here: pip install -r requirements/tests.txt'
)
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason='no chromium: apt-get install chromium'),
]
PHONE, DESK = dict(width=360, height=740), dict(width=1200, height=900)
expect = api.expect


@pytest.fixture(scope='module')
def browser():
    with api.sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        found = playwright.chromium.launch(executable_path=BROWSER, args=['--no-sandbox'])
        yield found
        found.close()


@pytest.fixture(scope='module')
def server():
    with running_server() as (address, process):
        yield address
        assert process.poll() is None


@pytest.fixture(params=['light', 'dark'])
def scheme(request):
    return request.param


@pytest.fixture
def page(browser, server):
    yield from opened(browser, server, viewport=DESK)


def opened(browser, server, **options):
    """The page, ready; what goes wrong in it, or leaves this machine, fails the test."""
    context = browser.new_context(**options)
    found, wrong = context.new_page(), []
    found.on('pageerror', lambda error: wrong.append(str(error)))
    found.on('request', lambda r: r.url.startswith((server, 'blob:')) or wrong.append(r.url))
    found.goto(server)
    expect(found.locator('#model option')).to_have_count(2)
    yield found
    context.close()
    assert not wrong


def send(page, content: bytes, name: str = 'photo.jpg', kind: str = 'image/jpeg') -> None:
    page.set_input_files('#file', dict(name=name, mimeType=kind, buffer=content))


def test_the_example_shows_two_cards(page):
    page.get_by_role('button', name='Try the example').click()
    cards = page.locator('.card')
    expect(cards).to_have_count(2)
    assert cards.locator('h2').all_inner_texts() == ['Simulated', 'Packed']
    sizes = cards.locator('.size').all_inner_texts()
    assert sizes == ['55.0 MB', '2.56 MB']
    assert cards.locator('.size-versus').all_inner_texts() == ['reference', '21× smaller']
    for time in cards.locator('.time').all_inner_texts():
        assert float(time.removesuffix(' ms')) > 0
    expect(page.get_by_role('status')).to_have_text('Example, 384×288 pixels')
    assert page.locator('.picture img').first.evaluate('i => i.naturalWidth') == 384


def test_boxes_lie_on_the_picture_and_follow_the_slider(page):
    send(page, PHOTOGRAPH)
    packed = page.locator('.card[data-kind=packed]')
    expect(packed.locator('.box').first).to_be_visible()
    many = packed.locator('.box').count()
    assert packed.locator('.count').inner_text() == str(many)
    assert packed.locator('tbody tr').count() == many
    picture = packed.locator('.picture').bounding_box()
    for box in packed.locator('.box').all():
        place = box.bounding_box()
        assert place['x'] >= picture['x'] - 2 and place['y'] >= picture['y'] - 2
        assert place['x'] + place['width'] <= picture['x'] + picture['width'] + 2
    page.locator('#score').fill('0.8')
    few = packed.locator('.box').count()
    assert 0 < few < many and page.locator('#score-value').inner_text() == '0.80'
    page.locator('#score').focus()
    page.keyboard.press('End')
    assert packed.locator('.box').count() <= few
    assert page.locator('#score-value').inner_text() == '0.95'


def test_a_dropped_file_is_detected_in(page):
    data = page.evaluate_handle(
        """bytes => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], 'dropped.jpg', {type: 'image/jpeg'}));
            return data;
        }""",
        list(PHOTOGRAPH),
    )
    page.dispatch_event('#drop', 'dragover', dict(dataTransfer=data))
    assert 'dragging' in page.locator('body').get_attribute('class')
    page.dispatch_event('#drop', 'drop', dict(dataTransfer=data))
    expect(page.get_by_role('status')).to_have_text('dropped.jpg, 384×288 pixels')
    assert 'dragging' not in page.locator('body').get_attribute('class')


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
    for page in opened(browser, server, viewport=size, color_scheme=scheme):
        page.get_by_role('button', name='Try the example').click()
        expect(page.locator('.card')).to_have_count(2)
        page.locator('summary').first.click()
        assert page.evaluate('document.documentElement.scrollWidth') <= size['width']
        columns = {round(card.bounding_box()['x']) for card in page.locator('.card').all()}
        assert len(columns) == (1 if size is PHONE else 2)
        for selector in ('body', '.hint', 'dt', 'dd.better', 'button', 'summary', '.runs-on'):
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


def test_it_works_by_keyboard_and_names_its_controls(page):
    for role, name in (('combobox', 'Detector'), ('slider', 'Least score'), ('button', 'Try')):
        assert page.get_by_role(role, name=name).count() == 1
    assert page.get_by_label('Drop an image, or choose one').count() == 1
    reached = []
    for _ in range(5):
        page.keyboard.press('Tab')
        reached.append(
            page.evaluate('document.activeElement.id || document.activeElement.className')
        )
    assert reached == ['skip', 'file', 'model', 'score', 'example']
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
