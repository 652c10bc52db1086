"""What the page in the browser does before its detector is there, and without it."""

import pytest
from browser_pages import MARKS, SIZE, TOY, folder, open_model, server
from clicking import browser, expect, send
from uploads import PHOTOGRAPH

pytestmark = MARKS
__all__ = ['browser', 'folder', 'server']  # fixtures


@pytest.fixture
def page(browser):
    """One that is not opened yet, and may be without some of its files."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def held(page, server):
    """Opened while its model is on its way: (page, what lets the model come)."""
    routes = []
    page.route('**/model.onnx', lambda route: routes.append(route))
    with page.expect_request('**/model.onnx'):
        page.goto(server)
    expect(page.get_by_role('button', name='Try the example')).to_be_visible()

    def let() -> None:
        with page.expect_response('**/model.onnx'):
            routes[0].continue_()

    return page, let


@pytest.mark.parametrize(
    'missing, words',
    [
        ('model.onnx', 'The server answered 404 for model.onnx. Write the page again.'),
        ('settings.json', 'The server answered 404 for settings.json. Write the page again.'),
        ('static/ort.wasm.min.js', 'Its scripts or ONNX Runtime Web cannot be loaded.'),
        ('static/ort-wasm-simd-threaded.wasm', 'The detector failed at this.'),
    ],
)
def test_a_missing_file_is_told(missing, words, page, server):
    page.route(f'**/{missing}', lambda route: route.fulfill(status=404))
    page.goto(server)
    expect(page.get_by_role('alert')).to_contain_text(words)


def test_an_image_waits_for_the_detector(held):
    page, let = held
    send(page, PHOTOGRAPH, 'early.jpg')
    expect(page.get_by_role('alert')).to_be_hidden()
    assert page.locator('.card').count() == 0
    let()
    expect(page.get_by_role('status')).to_have_text('early.jpg, 384×288 pixels')
    assert page.locator('h2').inner_text() == 'Digits'


def test_a_model_that_was_chosen_early_stays(held):
    page, let = held
    open_model(page, TOY, 'toy.onnx')
    expect(page.get_by_role('status')).to_contain_text('toy is ready')
    expect(page.locator('#detects')).to_have_text('Finds cat, dog.')
    let()
    send(page, PHOTOGRAPH, 'photo.jpg')
    expect(page.get_by_role('status')).to_have_text('photo.jpg, 384×288 pixels')
    assert page.locator('#name').inner_text() == 'toy'
    assert page.locator('.count').inner_text() == '1'


def test_after_an_early_model_that_is_refused_the_own_one_opens(held):
    page, let = held
    open_model(page, b'hello', 'wrong.onnx')
    alert = page.get_by_role('alert')
    expect(alert).to_contain_text('wrong.onnx (5 bytes) was cut off')
    let()
    expect(page.get_by_role('status')).to_have_text(f'digits is ready, {SIZE}')
    expect(alert).to_contain_text('wrong.onnx (5 bytes) was cut off')


def test_without_its_own_model_the_page_takes_another(page, server):
    """By its own classes and name, and an image waits for it."""
    page.route('**/model.onnx', lambda route: route.fulfill(status=404))
    page.goto(server)
    alert = page.get_by_role('alert')
    expect(alert).to_contain_text('404 for model.onnx')
    send(page, PHOTOGRAPH, 'photo.jpg')
    expect(alert).to_have_text('There is no detector yet. Open an ONNX file.')
    open_model(page, TOY, 'toy.onnx')
    expect(page.get_by_role('status')).to_have_text('photo.jpg, 384×288 pixels')
    expect(page.locator('#name')).to_have_text('toy')
    expect(page.locator('#detects')).to_have_text('Finds cat, dog.')
    expect(alert).to_be_hidden()
