"""The server of the page: what it finds, and what it refuses in a sentence."""

import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deploy.packing import SMALL_FASTER, config, detector, save
from mmengine.config import Config
from uploads import HOSTILE, PHOTOGRAPH, image, running_server

from surge_mmdet.demo.detecting import detect as detect_once
from surge_mmdet.demo.images import read_image
from surge_mmdet.shipped import SHIPPED, shipped_model

pytest.importorskip('starlette', reason='the page is not installed: pip install -e .[demo]')
httpx = pytest.importorskip('httpx2', reason='pip install -r requirements/tests.txt')

from starlette.testclient import TestClient  # noqa: E402

from surge_mmdet.demo.page.guard import ANY, HEADERS, LOCAL  # noqa: E402
from surge_mmdet.demo.page.serving import hosts_of, listen  # noqa: E402
from surge_mmdet.demo.web.__main__ import main  # noqa: E402
from surge_mmdet.demo.web.app import Page, build_app  # noqa: E402
from surge_mmdet.demo.web.groups import Detectors, Group, own_group, shipped_group  # noqa: E402
from surge_mmdet.demo.web.limits import Busy, Gate  # noqa: E402

ROOT = Path(__file__).parents[2]
DETECT = '/api/detect?model=digits'


@pytest.fixture(scope='module')
def digits():
    return shipped_group('digits')


@pytest.fixture(scope='module')
def page(digits):
    return Page(Detectors([digits]))


@pytest.fixture
def client(page):
    return TestClient(build_app(page), 'http://localhost', raise_server_exceptions=False)


def error(answer, status: int) -> str:
    """The sentence of a refusal."""
    assert answer.status_code == status, answer.text
    text = answer.json()['error']
    assert text and '\n' not in text and 'Traceback' not in text
    return text


def test_it_says_what_there_is(client):
    about = client.get('/api/models').json()
    (group,) = about['groups']
    assert (group['name'], group['detects']) == ('digits', SHIPPED['digits'].detects)
    assert group['example'] and group['classes'][:2] == ['zero', 'one']
    assert [twin['kind'] for twin in group['twins']] == ['simulated', 'packed']
    simulated, packed = (twin['bytes'] for twin in group['twins'])
    assert packed == SHIPPED['digits'].path.stat().st_size and simulated > 20 * packed
    assert about['limits'] == dict(
        bytes=10_000_000, pixels=25_000_000, formats=['JPEG', 'PNG', 'WEBP', 'BMP']
    )


def test_both_twins_find_what_the_command_finds(client):
    answer = client.post(DETECT, content=client.get('/api/example/digits').content).json()
    assert (answer['width'], answer['height']) == (384, 288)
    expected = detect_once(shipped_model('digits'), read_image(SHIPPED['digits'].photograph), 0.3)
    for result in answer['results']:
        found = [box for box in result['boxes'] if box['score'] >= 0.3]
        assert [box['label'] for box in found] == expected.chosen.labels.tolist()
        scores = [box['score'] for box in found]
        assert scores == pytest.approx(expected.chosen.scores.tolist(), abs=0.02)
        for box, wanted in zip(found, expected.chosen.bboxes.tolist(), strict=True):
            assert box['box'] == pytest.approx(wanted, abs=1)
            assert box['name'] == shipped_names()[box['label']]
        assert result['milliseconds'] > 0


def shipped_names() -> list:
    return 'zero one two three four five six seven eight nine'.split()


def test_nothing_found_is_an_answer(client):
    answer = client.post(DETECT, content=image()).json()
    assert [result['boxes'] for result in answer['results']] == [[], []]


@pytest.mark.parametrize('name', HOSTILE)
def test_a_hostile_upload_is_one_sentence(name, client, page):
    content, status, words = HOSTILE[name]
    assert words in error(client.post(DETECT, content=content), status)
    assert page.gate.inside == 0
    assert client.post(DETECT, content=PHOTOGRAPH).status_code == 200


@pytest.mark.parametrize(
    'method, address, status, words',
    [
        ('GET', DETECT, 405, 'does not take the method GET. Write POST'),
        ('DELETE', '/', 405, 'does not take the method DELETE. Write GET'),
        ('POST', '/api/models', 405, 'Write GET'),
        ('GET', '/nowhere', 404, 'nothing at this address'),
        ('GET', '/static/..%2fapp.py', 404, 'nothing at this address'),
        ('GET', '/static/%2e%2e/%2e%2e/__main__.py', 404, 'nothing at this address'),
        ('GET', '/static//etc/passwd', 404, 'nothing at this address'),
        ('GET', '/api/example/..%2f..%2fetc%2fpasswd', 404, 'nothing at this address'),
        ('GET', '/api/example/bccd', 404, "unknown 'bccd'; known are digits"),
        ('POST', '/api/detect', 404, "model: unknown ''; known are digits. Write model=digits"),
        ('POST', '/api/detect?model=../../x', 404, "unknown '../../x'; known are digits"),
        ('POST', '/api/detect?model=' + 'x' * 5000, 404, 'known are digits'),
    ],
)
def test_a_wrong_address_is_one_sentence(method, address, status, words, client):
    assert words in error(client.request(method, address), status)


@pytest.mark.parametrize('name', ['../../../tmp/evil.jpg', '/etc/cron.d/x', '..\\x', 'a\0b.jpg'])
def test_a_form_with_a_name_that_leaves_its_folder(name, client, tmp_path, monkeypatch):
    """No form is read, so that no name is ever used."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    answer = client.post(DETECT, files={'file': (name, PHOTOGRAPH, 'image/jpeg')})
    assert 'not a form. Write curl --data-binary' in error(answer, 415)
    assert client.post(DETECT, content=PHOTOGRAPH).status_code == 200
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('host', ['evil.example', 'localhost.evil.example', '10.0.0.1:8000', ''])
def test_a_foreign_name_is_refused(host, client):
    assert 'not called so' in error(client.get('/api/models', headers={'Host': host}), 400)


@pytest.mark.parametrize('host', ['localhost:8000', '127.0.0.1', '[::1]:9', 'LOCALHOST'])
def test_its_own_names_are_not(host, client):
    assert client.get('/', headers={'Host': host}).status_code == 200


@pytest.mark.parametrize(
    'origin',
    ['https://evil.example', 'http://localhost:3000', 'https://localhost.evil', 'null', ''],
)
def test_a_page_of_another_site_gets_nothing(origin, client):
    answer = client.post(DETECT, content=PHOTOGRAPH, headers={'Origin': origin})
    assert 'answers to no page but its own. Open it as http://localhost' in error(answer, 403)


def test_its_own_page_is_answered(client):
    own = {'Host': 'localhost:8000', 'Origin': 'http://localhost:8000'}
    assert client.post(DETECT, content=PHOTOGRAPH, headers=own).status_code == 200


def test_names_that_a_server_may_have(page):
    assert hosts_of('127.0.0.1') == LOCAL and hosts_of('0.0.0.0') == (ANY,)
    hosts = hosts_of('0.0.0.0', ['tower'])
    assert hosts == hosts_of('::1', ['tower']) == (*LOCAL, 'tower')
    client = TestClient(build_app(page, hosts), 'http://localhost')
    assert client.get('/', headers={'Host': 'tower:8000'}).status_code == 200
    assert 'not called so' in error(client.get('/', headers={'Host': 'evil.example'}), 400)


@pytest.mark.parametrize('name', ['http://tower', 'tower:8000', '', '*'])
def test_what_is_no_name(name, capsys):
    with pytest.raises(SystemExit):
        main(['--name', name])
    assert 'Write it without http:// and port: --name localhost' in capsys.readouterr().err


def test_the_page_fetches_nothing_from_elsewhere(client):
    index = client.get('/')
    assert "default-src 'self'" in index.headers['content-security-policy']
    files = ['/', *re.findall(r'(?:src|href)="(static/[^"]+)"', index.text)]
    assert len(files) == 4
    for file in files:
        answer = client.get(file)
        assert answer.status_code == 200 and answer.headers['x-content-type-options'] == 'nosniff'
        assert set(re.findall(r'https?://[^"\s]+', answer.text)) <= {'http://www.w3.org/2000/svg'}


def test_an_error_of_the_server_is_no_end(client, page, monkeypatch, caplog):
    def fail(*arguments):
        raise RuntimeError('a secret of this machine')

    with monkeypatch.context() as patch:
        patch.setattr(Group, 'detect', fail)
        answer = client.post(DETECT, content=PHOTOGRAPH)
    text = error(answer, 500)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert 'its log has the reason' in text and 'secret' not in text
    assert 'a secret of this machine' in caplog.text
    assert client.post(DETECT, content=PHOTOGRAPH).status_code == 200


def test_a_gate_lets_as_many_in_as_it_has_places():
    gate = Gate(2)
    with gate.enter(), gate.enter():
        with pytest.raises(Busy, match='2 images are waiting already. Try again'):
            gate.enter().__enter__()
    with pytest.raises(KeyError), gate.enter():
        raise KeyError
    assert gate.inside == 0


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """A tiny 1-bit detector and its float twin."""
    folder = tmp_path_factory.mktemp('checkpoints')
    save(config('FasterRCNN'), folder / 'binary.pth')
    twin = Config.fromfile(ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_fp32_12e_bccd.py')
    twin.merge_from_dict(dict(model=SMALL_FASTER))
    save(twin, folder / 'float.pth', detector(twin))
    return folder


def test_three_twins_of_a_users_own(checkpoints):
    binary, real = (str(checkpoints / f'{name}.pth') for name in ('binary', 'float'))
    group = own_group(None, binary, real=real)
    assert group.name == 'binary' and not group.about()['example']
    twins = group.about()['twins']
    assert [twin['kind'] for twin in twins] == ['float', 'simulated', 'packed']
    assert twins[2]['bytes'] < twins[1]['bytes']
    client = TestClient(build_app(Page(Detectors([group]))), 'http://localhost')
    answer = client.post('/api/detect?model=binary', content=PHOTOGRAPH).json()
    real, simulated, packed = (result['boxes'] for result in answer['results'])
    assert len(simulated) == len(packed) > 0 and real
    for one, other in zip(simulated, packed, strict=True):
        assert one['score'] == pytest.approx(other['score'], abs=0.02)


@pytest.mark.parametrize(
    'own, why',
    [
        (
            dict(checkpoint='float.pth'),
            'holds a float detector. Write --float .*float.pth, not --c',
        ),
        (
            dict(checkpoint='binary.pth', real='binary.pth'),
            'holds a simulated detector. Write --checkpoint .*, not --float',
        ),
        (dict(model='digits', real='float.pth'), 'the float detector knows .*same classes'),
    ],
)
def test_detectors_that_are_no_twins(own, why, checkpoints):
    files = {k: v if k == 'model' else str(checkpoints / v) for k, v in own.items()}
    with pytest.raises(ValueError, match=why):
        own_group(files.get('model'), files.get('checkpoint'), real=files.get('real'))


@pytest.mark.parametrize(
    'arguments, why',
    [
        (['--model', 'bcd'], 'known are digits, bccd'),
        (['--model', 'x.safetensors'], 'x.safetensors is no file'),
        (['--checkpoint', 'x.pth'], 'x.pth is no file. Name a checkpoint'),
        (['--host', '192.0.2.1'], '192.0.2.1 is no address of this machine. Write --host 127'),
    ],
)
def test_a_mistake_of_the_command_is_one_sentence(arguments, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=why) as stop:
        main(['--port', '0', *arguments])
    assert '\n' not in str(stop.value)


@pytest.mark.parametrize(
    'arguments',
    ['--port=70000', '--max-mb=0', '--max-megapixels=nan', '--config=c.py', '--float=x.pth'],
)
def test_options_that_cannot_be(arguments, capsys):
    with pytest.raises(SystemExit):
        main([arguments])
    said = capsys.readouterr().err
    assert arguments.split('=')[0] in said
    assert ('Write --max-mb 10\n' in said) == ('max-mb' in arguments)


def test_no_more_pixels_are_allowed_than_are_decoded(capsys):
    with pytest.raises(SystemExit):
        main(['--max-megapixels=179'])
    assert 'Write --max-megapixels 178' in capsys.readouterr().err


def test_a_port_that_is_taken_is_told():
    with listen('127.0.0.1', 0) as taken:
        port = taken.getsockname()[1]
        why = f'^port {port} of 127.0.0.1 is in use by another program. Write --port {port + 1}$'
        with pytest.raises(SystemExit, match=why):
            main(['--port', str(port)])


def test_a_hundred_at_once(tmp_path):
    """Each gets boxes or is asked to come again, and the server stays."""
    with running_server('--model', 'digits', cwd=tmp_path) as (address, process):
        address = f'{address}/api/detect?model=digits'

        def send(content: bytes) -> tuple:
            answer = httpx.post(address, content=content, timeout=120)
            return answer.status_code, answer.json()

        uploads = [PHOTOGRAPH, b'text', HOSTILE['small bomb'][0], PHOTOGRAPH[:4000]] * 25
        with ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(send, uploads))
        statuses = {status for status, _ in answers}
        assert 200 in statuses and statuses <= {200, 413, 422, 503}
        for status, content in answers:
            assert content.keys() == (
                {'error'} if status != 200 else {'width', 'height', 'results'}
            )
            if status == 503:
                assert re.match(r'\d images are waiting already', content['error'])
        assert send(PHOTOGRAPH)[0] == 200 and process.poll() is None
    assert list(tmp_path.iterdir()) == []


def test_the_lines_of_the_guide_and_ctrl_c(tmp_path, monkeypatch):
    (code,) = re.findall(r'```python\n(.*?)```', (ROOT / 'docs/guides/demos.md').read_text(), re.S)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'photograph.jpg').write_bytes(PHOTOGRAPH)
    scope = {}
    with running_server('--model', 'digits') as (address, process):
        assert 'http://localhost:8000' in code
        exec(code.replace('http://localhost:8000', address), scope)
        process.send_signal(signal.SIGINT)  # Ctrl-C
        assert process.wait(30) == 0 and process.stderr.read() == b''
    assert [result['kind'] for result in scope['answer']['results']] == ['simulated', 'packed']


def memory(process) -> int:
    """Bytes of a process's own memory."""
    text = Path(f'/proc/{process.pid}/status').read_text()
    return 1024 * int(re.search(r'VmRSS:\s+(\d+) kB', text)[1])


@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='memory is read from /proc')
def test_memory_is_constant_over_many_requests(tmp_path):
    """Small images of changing sizes, and every hostile upload between them."""
    hostile = [content for content, _, _ in HOSTILE.values() if len(content) < 1e6]
    with running_server('--model', 'digits', cwd=tmp_path) as (address, process):
        with httpx.Client(timeout=60) as client:

            def send(count: int) -> None:
                for i in range(count):
                    size = (40 + 8 * (i % 5), 32 + 8 * (i % 7))
                    content = hostile[i % len(hostile)] if i % 4 == 0 else image(size=size)
                    status = client.post(f'{address}/api/detect?model=digits', content=content)
                    assert status.status_code in (200, 413, 422)

            send(100)  # all sizes have been there
            before = memory(process)
            send(300)
            assert memory(process) - before < 20e6
