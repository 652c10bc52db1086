"""The page that detects in the browser, written, served and opened with the real runtime."""

from contextlib import contextmanager

import pytest

for package in ('starlette', 'onnx', 'onnxruntime'):
    pytest.importorskip(package, reason='pip install -e .[demo,export]')
from clicking import MARKS, expect, opened  # noqa: E402
from conftest import ROOT  # noqa: E402
from onnx_detector.toy_files import model  # noqa: E402
from uploads import running_server  # noqa: E402

from surge_mmdet.demo.browser import runtime  # noqa: E402
from surge_mmdet.onnx_detector.file import sealed  # noqa: E402

RUNTIME = ROOT / runtime.TARBALL
MARKS = [
    *MARKS,
    pytest.mark.skipif(
        not RUNTIME.is_file(), reason=f'ONNX Runtime Web is not here: cd {ROOT}; {runtime.FETCH}'
    ),
]
TOY = sealed(model(input='uint8'))
SIZE = '2.59 MB'  # of the shipped digits as ONNX
COUNT = '13'  # that they find in the photograph


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('served') / 'page'


@pytest.fixture(scope='module')
def server(folder):
    """The command: it writes the page of a shipped detector and serves it."""
    options = (folder, '--runtime', RUNTIME, '--serve')
    with running_server(*options, room='browser', first='Wrote ') as (address, process):
        yield address
        assert process.poll() is None


@contextmanager
def ready(browser, server, **options):
    with opened(browser, server, **options) as found:
        expect(found.get_by_role('status')).to_have_text(f'digits is ready, {SIZE}')
        yield found


def open_model(page, content: bytes, name: str = 'other.onnx') -> None:
    file = dict(name=name, mimeType='application/octet-stream', buffer=content)
    page.set_input_files('#model', file)
