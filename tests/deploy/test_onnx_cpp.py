"""The C++ example: it builds, finds what OnnxDetector finds, and refuses with a reason."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('onnxscript', reason='pip install -r requirements/export.txt')
onnxruntime = pytest.importorskip('onnxruntime', reason='pip install -r requirements/export.txt')

from conftest import ROOT  # noqa: E402

from surge_mmdet.deploy.onnx_export import export, packed_source  # noqa: E402
from surge_mmdet.onnx_detector import OnnxDetector  # noqa: E402
from surge_mmdet.onnx_detector.image import read_image  # noqa: E402
from surge_mmdet.shipped import find_shipped  # noqa: E402

pytestmark = pytest.mark.slow

SOURCE = ROOT / 'tools/deployment/onnx_cpp/detect.cpp'
HEADERS = Path(os.environ.get('ONNXRUNTIME_INCLUDE', '/usr/include/onnxruntime'))


@pytest.fixture(scope='module')
def program(tmp_path_factory):
    """The example as docs/guides/onnx.md builds it, with the library of the Python package."""
    if not shutil.which('c++'):
        pytest.skip('c++ is not here')
    if not (HEADERS / 'onnxruntime_cxx_api.h').is_file():
        pytest.skip('libonnxruntime-dev is not here: set ONNXRUNTIME_INCLUDE to its headers')
    folder = tmp_path_factory.mktemp('cpp')
    found = sorted((Path(onnxruntime.__file__).parent / 'capi').glob('libonnxruntime.so.*'))
    if not found:
        pytest.skip('this onnxruntime brings no libonnxruntime.so')
    for name in ('libonnxruntime.so', 'libonnxruntime.so.1'):
        (folder / name).symlink_to(found[0])
    (folder / 'tools').symlink_to(ROOT / 'tools')
    monkeypatch = pytest.MonkeyPatch()
    for name, value in (
        ('CPLUS_INCLUDE_PATH', HEADERS),
        ('LIBRARY_PATH', folder),
        ('LD_LIBRARY_PATH', folder),
    ):
        monkeypatch.setenv(name, str(value))
    page = (ROOT / 'docs/guides/onnx.md').read_text()
    (block,) = re.findall(r'```bash\n(c\+\+ .*?)```', page, re.S)
    line = block.strip().replace('c++ ', 'c++ -Wall -Wextra -Werror ', 1)
    subprocess.run(['bash', '-c', line], check=True, timeout=300, cwd=folder)
    yield folder / 'detect'
    monkeypatch.undo()


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    """The shipped digits, images prepared inside."""
    path = tmp_path_factory.mktemp('model') / 'digits.onnx'
    export(packed_source(find_shipped('digits').path), path, preprocess=True)
    return path


@pytest.fixture(scope='module')
def photograph(tmp_path_factory):
    """Its photograph as the program reads it."""
    path = tmp_path_factory.mktemp('photograph') / 'digits.ppm'
    image = read_image(find_shipped('digits').photograph)
    height, width = image.shape[:2]
    path.write_bytes(b'P6\n%d %d\n255\n' % (width, height) + image[..., ::-1].tobytes())
    return path


def run(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)


def test_it_finds_what_the_python_class_finds(program, model, photograph):
    done = run(program, model, photograph, 0.3)
    assert done.returncode == 0, done.stderr
    rows = np.array([line.split() for line in done.stdout.splitlines()], float)
    want = OnnxDetector(model)(photograph, score=0.3)
    assert len(rows) == len(want['scores']) > 3
    assert rows[:, 0].astype(int).tolist() == want['labels'].tolist()
    np.testing.assert_allclose(rows[:, 1], want['scores'], atol=1e-5)  # six digits are printed
    np.testing.assert_allclose(rows[:, 2:], want['bboxes'], atol=1e-2)
    assert 'labels: ["zero", "one"' in done.stderr


def test_it_refuses_with_a_reason(program, model, photograph, tmp_path):
    (tmp_path / 'cut.ppm').write_bytes(photograph.read_bytes()[:500])
    export(packed_source(find_shipped('digits').path), tmp_path / 'outside.onnx')
    for arguments, why in (
        ((model,), 'write: detect detector.onnx photograph.ppm 0.3'),
        ((model, photograph, 'x'), 'write: detect detector.onnx photograph.ppm 0.3'),
        ((model, tmp_path / 'cut.ppm', 0.3), 'was cut off'),
        ((model, SOURCE, 0.3), 'is no binary PPM'),
        ((model, tmp_path / 'none.ppm', 0.3), 'is no binary PPM'),
        ((photograph, photograph, 0.3), 'photograph|Protobuf'),
        ((tmp_path / 'outside.onnx', photograph, 0.3), 'does not take images. Write: export_onnx'),
    ):
        done = run(program, *arguments)
        assert done.returncode == 1 and not done.stdout, (arguments, done)
        assert any(part in done.stderr for part in why.split('|')), (arguments, done.stderr)
