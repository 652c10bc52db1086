"""The folder of the page in the browser: what is written, what is refused, how it is served."""

import base64
import hashlib
import io
import json
import re
import sys
import tarfile

import pytest

pytest.importorskip('onnx', reason='pip install -r requirements/export.txt')
pytest.importorskip('onnxruntime', reason='pip install -r requirements/export.txt')

from conftest import ROOT  # noqa: E402
from mmdet.apis import inference_detector  # noqa: E402
from onnx_detector.toy_files import model  # noqa: E402
from uploads import PHOTOGRAPH, png_bomb  # noqa: E402

from surge_mmdet.demo.browser import folder, runtime  # noqa: E402
from surge_mmdet.demo.browser.__main__ import main  # noqa: E402
from surge_mmdet.demo.browser.folder import POLICY  # noqa: E402
from surge_mmdet.onnx_detector import OnnxDetector  # noqa: E402
from surge_mmdet.onnx_detector.file import sealed  # noqa: E402
from surge_mmdet.shipped import shipped_model  # noqa: E402
from surge_mmdet.whole_files import write_whole  # noqa: E402

RUNTIME = b'// a runtime'
OWN = {'detector.js', 'image_file.js', 'model_file.js', 'page.js', 'refusal.js', 'worker.js'}
SHARED = {'icon.svg', 'page.css', 'parts.js'}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A toy detector, a photograph and a toy runtime, which counts as the real one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'toy.onnx').write_bytes(sealed(model(input='uint8')))
    (tmp_path / 'photo.jpg').write_bytes(PHOTOGRAPH)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w:gz') as archive:
        for name in runtime.FILES:
            member = tarfile.TarInfo(f'package/dist/{name}')
            member.size = len(RUNTIME)
            archive.addfile(member, io.BytesIO(RUNTIME))
    (tmp_path / runtime.TARBALL).write_bytes(file.getvalue())
    digest = base64.b64encode(hashlib.sha512(file.getvalue()).digest()).decode()
    monkeypatch.setattr(runtime, 'INTEGRITY', f'sha512-{digest}')
    return tmp_path


def refused(*arguments) -> str:
    with pytest.raises(SystemExit) as raised:
        main([str(each) for each in arguments])
    assert raised.value.code not in (0, None)
    return str(raised.value.code)


def test_the_folder_holds_all_that_the_page_needs(here, capsys):
    main(['page', '--model', 'toy.onnx', '--example', 'photo.jpg'])
    page = here / 'page'
    files = {path.relative_to(page).as_posix() for path in page.rglob('*') if path.is_file()}
    static = {f'static/{name}' for name in OWN | SHARED | set(runtime.FILES.values())}
    assert files == {'index.html', 'settings.json', 'model.onnx', 'example.jpg'} | static
    assert (page / 'model.onnx').read_bytes() == (here / 'toy.onnx').read_bytes()
    assert (page / 'example.jpg').read_bytes() == PHOTOGRAPH
    settings = json.loads((page / 'settings.json').read_text())
    assert settings['name'] == 'toy' and settings['detects'] == 'cat, dog'
    assert settings['model'] == 'model.onnx' and settings['example'] == 'example.jpg'
    assert settings['format'] == dict(name='surge_mmdet ONNX detector', version=1)
    said = capsys.readouterr().out
    assert (
        'Wrote page: ' in said and 'python -m http.server --bind 127.0.0.1 --directory page' in said
    )


def test_nothing_is_fetched_from_elsewhere(here):
    """Every address is a file of the folder, and relative: the folder may lie anywhere."""
    main(['page', '--model', 'toy.onnx'])
    page = here / 'page'
    index = (page / 'index.html').read_text()
    assert f'content="{POLICY}"' in index
    assert not re.search(
        r'\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)', index
    )  # the policy's business
    found = re.findall(r'(?:src|href)="([^"#]+)"', index)
    assert len(found) == 3 and all((page / name).is_file() for name in found)
    for path in page.rglob('*'):
        if path.suffix in ('.js', '.css', '.html', '.svg', '.json'):
            addresses = set(re.findall(r'https?://[^"\s]+', path.read_text()))
            assert addresses <= {'http://www.w3.org/2000/svg'}, path
            imports = re.findall(
                r"from '([^']+)'|new URL\('([^']+)'|here\('([^']+)'\)", path.read_text()
            )
            for name in filter(None, sum(imports, ())):
                assert (page / 'static' / name).is_file(), (path, name)


def test_the_policy_lets_in_what_the_page_needs_and_no_more():
    rules = dict(rule.split(' ', 1) for rule in POLICY.split('; '))
    assert rules.pop('default-src') == "'none'"
    assert rules.pop('script-src') == "'self' 'wasm-unsafe-eval'"
    assert rules.pop('img-src') == "'self' blob:"
    assert set(rules.values()) == {"'self'", "'none'"}


def test_a_missing_runtime_is_told_with_its_commands(here):
    (here / runtime.TARBALL).unlink()
    said = refused('page', '--model', 'toy.onnx')
    assert 'npm pack onnxruntime-web@1.30.0' in said
    assert 'In this folder the file is found; name it by --runtime FILE elsewhere' in said
    assert 'other.tgz is no file' in refused(
        'page', '--model', 'toy.onnx', '--runtime', 'other.tgz'
    )
    assert not (here / 'page').exists()


def test_a_server_is_not_started_without_its_files(here, monkeypatch):
    toy = ('page', '--model', 'toy.onnx', '--serve', '--port', '0')
    assert 'other.tgz is no file' in refused(*toy, '--runtime', 'other.tgz')
    monkeypatch.setitem(sys.modules, 'uvicorn', None)
    said = refused(*toy)
    assert "pip install 'surge_mmdet[demo]', or the same without --serve" in said
    assert not (here / 'page').exists()


def test_a_package_that_is_missing_is_told_by_its_name(here, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    assert 'the package onnx is needed (import of onnx halted' in refused('page')
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    said = refused('page', '--model', 'toy.onnx')
    assert said.startswith('ONNX Runtime is missing') and 'write ONNX' not in said


def test_an_altered_runtime_is_refused(here):
    file = here / runtime.TARBALL
    for data in (file.read_bytes()[:-1], file.read_bytes() + b'\0', b''):
        file.write_bytes(data)
        assert 'is not onnxruntime-web 1.30.0 as it was published' in refused('page')
    assert not (here / 'page').exists()


def test_the_published_runtime_is_taken():
    """Of a hash of the right form; the file itself where somebody has fetched it."""
    algorithm, digest = runtime.INTEGRITY.split('-', 1)
    assert algorithm == 'sha512' and len(base64.b64decode(digest)) == 64
    if not (ROOT / runtime.TARBALL).is_file():
        pytest.skip(f'ONNX Runtime Web is not here: {runtime.FETCH}')
    found = runtime.read_runtime(ROOT / runtime.TARBALL)
    assert set(found) == set(runtime.FILES.values())
    assert found['ort-wasm-simd-threaded.wasm'].startswith(b'\0asm')


def test_an_earlier_page_is_written_again(here):
    main(['page', '--model', 'toy.onnx', '--example', 'photo.jpg'])
    (here / 'other.onnx').write_bytes(sealed(model(input='uint8', classes='["bird"]')))
    main(['page', '--model', 'other.onnx'])
    settings = json.loads((here / 'page/settings.json').read_text())
    assert settings['detects'] == 'bird' and settings['example'] is None
    assert not (here / 'page/example.jpg').exists()


def test_an_example_that_lies_in_the_folder_stays(here):
    main(['page', '--model', 'toy.onnx', '--example', 'photo.jpg'])
    main(['page', '--model', 'toy.onnx', '--example', 'page/example.jpg'])
    assert (here / 'page/example.jpg').read_bytes() == PHOTOGRAPH
    (here / 'page/example.jpg').rename(here / 'page/example.JPEG')
    main(['page', '--model', 'toy.onnx', '--example', 'page/example.JPEG'])
    assert (here / 'page/example.JPEG').read_bytes() == PHOTOGRAPH  # a user's file now
    assert (here / 'page/example.jpeg').read_bytes() == PHOTOGRAPH
    assert json.loads((here / 'page/settings.json').read_text())['example'] == 'example.jpeg'


def test_a_page_that_was_not_written_to_its_end_is_written_again(here, monkeypatch):
    def full(path, content):
        if path.name == 'settings.json':
            raise OSError(28, 'No space left on device')
        write_whole(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(folder, 'write_whole', full)
        assert 'No space left on device' in refused('page', '--model', 'toy.onnx')
    assert 'not written to its end' in (here / 'page/index.html').read_text()
    main(['page', '--model', 'toy.onnx'])
    assert 'not written to its end' not in (here / 'page/index.html').read_text()


def test_a_folder_of_other_files_stays_as_it_is(here):
    (here / 'mine').mkdir()
    (here / 'mine/index.html').write_text('<p>mine')
    assert 'mine holds other files. Write mine/page' in refused('mine', '--model', 'toy.onnx')
    assert [path.name for path in (here / 'mine').iterdir()] == ['index.html']
    assert 'photo.jpg is a file' in refused('photo.jpg', '--model', 'toy.onnx')
    assert (here / 'photo.jpg').read_bytes() == PHOTOGRAPH


@pytest.mark.parametrize(
    'content, why',
    [
        (sealed(model()), 'leaves resizing to its caller.*--preprocess'),
        (sealed(model(input='uint8'))[:-1], 'was cut off'),
        (model(input='uint8'), 'was cut off, or is no ONNX detector'),
        (sealed(model(input='uint8', format=None)), 'is another ONNX model'),
        (sealed(model(input='uint8', format_version='2')), 'has format version 2'),
    ],
)
def test_a_wrong_model_is_refused(content, why, here):
    (here / 'wrong.onnx').write_bytes(content)
    assert re.search(why, refused('page', '--model', 'wrong.onnx'))
    assert not (here / 'page').exists()


def test_a_model_that_is_not_there_is_refused(here):
    assert 'missing.onnx does not exist' in refused('page', '--model', 'missing.onnx')
    assert 'Write --model digits' in refused('page', '--model', 'digitz')


@pytest.mark.parametrize(
    'content, why',
    [
        (b'hello', 'is no image of a kind'),
        (PHOTOGRAPH[:4000], 'is damaged or was cut off'),
        (png_bomb(5000, 5000), 'more than 16 million'),
        (PHOTOGRAPH + bytes(25_000_000), 'has more than 25 MB'),
    ],
)
def test_a_wrong_example_is_refused(content, why, here):
    (here / 'wrong.jpg').write_bytes(content)
    assert why in refused('page', '--model', 'toy.onnx', '--example', 'wrong.jpg')
    assert not (here / 'page').exists()


def test_an_option_of_the_server_needs_the_server(here, capsys):
    refused('page', '--port', '8001')
    assert 'Write --serve --port 8001' in capsys.readouterr().err
    refused('page', '--name', 'tower')
    assert 'Write --serve --name tower' in capsys.readouterr().err
    refused('page', '--serve', '--port', '70000')
    assert 'ports are from 1 to 65535' in capsys.readouterr().err


def test_it_is_served_with_right_types_and_strict_headers(here):
    pytest.importorskip('starlette', reason='pip install -e .[demo]')
    from starlette.testclient import TestClient

    from surge_mmdet.demo.browser.app import build_app

    main(['page', '--model', 'toy.onnx'])
    client = TestClient(build_app(here / 'page'), base_url='http://localhost:8000')
    types = {
        '/': 'text/html',
        '/static/page.js': 'text/javascript',
        '/static/page.css': 'text/css',
        '/static/ort-wasm-simd-threaded.wasm': 'application/wasm',
        '/model.onnx': 'application/octet-stream',
        '/settings.json': 'application/json',
    }
    for address, kind in types.items():
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers['content-type'].split(';')[0] == kind
        assert answer.headers['cross-origin-embedder-policy'] == 'require-corp'
        assert answer.headers['content-security-policy'].startswith("default-src 'none'")
        assert answer.headers['x-content-type-options'] == 'nosniff'
    for address in ('/../photo.jpg', '/%2e%2e/photo.jpg', '/static', '/nothing'):
        answer = client.get(address)
        assert answer.status_code == 404
        assert answer.json() == dict(error='there is nothing at this address. Open / for the page')
    foreign = client.get('/', headers={'Host': 'evil.example'})
    assert foreign.status_code == 400 and 'not called so' in foreign.json()['error']


@pytest.mark.slow
def test_a_detector_of_the_package_is_exported(here):
    main(['page'])
    detector = OnnxDetector(here / 'page/model.onnx', threads=1)
    assert not detector.prepares and detector.classes[:2] == ('zero', 'one')
    example = here / 'page/example.jpg'
    packed = inference_detector(shipped_model('digits'), str(example)).pred_instances.scores
    found = detector(example, score=0.3)['scores']
    assert len(found) == (packed >= 0.3).sum() > 5 and found[0] > 0.9
    settings = json.loads((here / 'page/settings.json').read_text())
    assert settings['name'] == 'digits' and settings['detects'].startswith('handwritten digits')
