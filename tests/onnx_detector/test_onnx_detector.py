"""Detection without PyTorch: what is imported, what is refused. Files are written by hand."""

import subprocess
import sys

import numpy as np
import pytest

onnx = pytest.importorskip('onnx', reason='pip install -r requirements/export.txt')
pytest.importorskip('onnxruntime', reason='pip install -r requirements/onnx.txt')

from onnx_detector.toy_files import BOXES, model  # noqa: E402

from surge_mmdet.onnx_detector import OnnxDetector  # noqa: E402
from surge_mmdet.onnx_detector.file import sealed  # noqa: E402


@pytest.fixture
def path(tmp_path):
    """A whole file."""
    (tmp_path / 'a.onnx').write_bytes(sealed(model()))
    return tmp_path / 'a.onnx'


def run(code: str):
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)


BANNED = ('torch', 'mmdet', 'mmengine', 'mmcv', 'onnx')


def test_it_imports_neither_pytorch_nor_openmmlab(path):
    done = run(
        'import sys, numpy; from surge_mmdet.onnx_detector import OnnxDetector\n'
        f'found = OnnxDetector({str(path)!r})(numpy.zeros((24, 32, 3), numpy.uint8))\n'
        f'print(len(found["scores"]), [name for name in {BANNED} if name in sys.modules])'
    )
    assert done.stdout.split('\n')[0] == '2 []', done


def test_it_works_where_they_are_not_installed(path):
    """Under both of its names; every other room says what is missing."""
    done = run(
        'import sys, importlib.metadata as m\n'
        f'banned = {BANNED}\n'
        'class Missing:\n'
        '    def find_spec(self, name, path=None, target=None):\n'
        '        if name.split(".")[0] in banned: raise ModuleNotFoundError(name)\n'
        'sys.meta_path.insert(0, Missing())\n'
        'old = m.version\n'
        'def version(name):\n'
        '    if name.startswith(("onedl", "mm")): raise m.PackageNotFoundError(name)\n'
        '    return old(name)\n'
        'm.version = version\n'
        'import numpy\n'
        'from surge_mmdet.deploy.onnx_detector import OnnxDetector\n'
        f'print(len(OnnxDetector({str(path)!r})(numpy.zeros((24, 32, 3), numpy.uint8))))\n'
        'from surge_mmdet.deploy import load_packed'
    )
    assert done.stdout.strip() == '3', done
    assert 'StackError: surge_mmdet cannot start: no OpenMMLab stack' in done.stderr


def test_the_result_is_a_dict_in_pixels_of_the_image(path):
    found = OnnxDetector(path, threads=1)(np.zeros((48, 64, 3), np.uint8))
    assert list(found) == ['bboxes', 'scores', 'labels']
    np.testing.assert_allclose(found['bboxes'], 2 * BOXES)
    assert found['labels'].tolist() == [1, 0] and OnnxDetector(path).classes == ('cat', 'dog')


def test_a_least_score(path):
    found = OnnxDetector(path)(np.zeros((24, 32, 3), np.uint8), score=0.5)
    assert {name: len(value) for name, value in found.items()} == dict(bboxes=1, scores=1, labels=1)


@pytest.mark.parametrize(
    'threads, error', [(0, ValueError), (-1, ValueError), ('2', TypeError), (1.5, TypeError)]
)
def test_no_number_of_threads(path, threads, error):
    with pytest.raises(error, match='^threads.*Write threads=1'):
        OnnxDetector(path, threads=threads)


@pytest.mark.parametrize(
    'score, error',
    [(2, ValueError), (-0.1, ValueError), (float('nan'), ValueError), ('0.3', TypeError)],
)
def test_no_score(path, score, error):
    with pytest.raises(error, match='^score.*Write score=0.3'):
        OnnxDetector(path)(np.zeros((24, 32, 3), np.uint8), score=score)


@pytest.mark.parametrize('image', [None, ['a.jpg', 'b.jpg'], b'bytes'])
def test_neither_a_path_nor_an_array(path, image):
    with pytest.raises(TypeError, match='an image is a path or an array, not (None|list|bytes)'):
        OnnxDetector(path)(image)


def refused(path, data: bytes, why: str) -> None:
    path.write_bytes(data)
    with pytest.raises(ValueError, match=why):
        OnnxDetector(path)


@pytest.mark.parametrize('share', [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(path, share):
    data = path.read_bytes()
    refused(path, data[: int(share * len(data))], 'was cut off, or is no ONNX detector')


def test_every_changed_byte_is_found(path):
    data = path.read_bytes()
    for place in range(0, len(data), 37):
        changed = bytearray(data)
        changed[place] ^= 1
        refused(path, bytes(changed), 'is damaged|was cut off')


def test_another_model_is_refused(path):
    refused(path, model(), 'was cut off, or is no ONNX detector of surge_mmdet')
    refused(path, sealed(model(format=None)), 'is another ONNX model')


@pytest.mark.parametrize('version', ['2', '0', '', 'x'])
def test_another_version_is_refused(path, version):
    refused(path, sealed(model(format_version=version)), 'has format version .*reads up to 1')


def test_a_model_of_other_classes_is_refused(path):
    assert OnnxDetector(path, classes=['cat', 'dog']).classes == ('cat', 'dog')
    for other in (('dog', 'cat'), ['cat'], ['cat', 'dog', 'cow']):
        with pytest.raises(ValueError, match="another model: its classes are .'cat', 'dog'., not"):
            OnnxDetector(path, classes=other)


def test_a_missing_entry_is_named(path):
    refused(path, sealed(model(classes=None)), 'lacks classes')


def test_what_the_runtime_cannot_load_is_refused(path):
    refused(path, sealed(b'no model'), 'ONNX Runtime .* cannot load it')


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist. Name an ONNX detector'):
        OnnxDetector(tmp_path / 'a.onnx')
    with pytest.raises(FileNotFoundError, match='is a folder'):
        OnnxDetector(tmp_path)


@pytest.mark.parametrize(
    'array',
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_other_arrays_are_no_images(path, array):
    with pytest.raises(ValueError, match='an image is an array'):
        OnnxDetector(path)(array)
