"""Exported detectors on odd, tiny and many images, in threads, without detections; cut files."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip('onnxscript', reason='pip install -r requirements/export.txt')
pytest.importorskip('onnxruntime', reason='pip install -r requirements/export.txt')

from deploy.exporting import content  # noqa: E402
from deploy.in_step import in_openvino  # noqa: E402
from deploy.packing import photo  # noqa: E402

from surge_mmdet.deploy.onnx_export import export  # noqa: E402
from surge_mmdet.onnx_detector import OnnxDetector  # noqa: E402

ODD = [(1, 1), (1, 2000), (2000, 1), (2, 3), (31, 33), (241, 319)]


@pytest.fixture(scope='module')
def found():
    return content('FasterRCNN')


@pytest.fixture(scope='module', params=[False, True], ids=['prepared outside', 'inside'])
def detector(request, found, tmp_path_factory):
    """Of a tiny Faster R-CNN whose every score is a detection."""
    path = tmp_path_factory.mktemp('onnx') / 'a.onnx'
    export(found, path, preprocess=request.param)
    return OnnxDetector(path, threads=1)


def check(result: dict, height: int, width: int) -> None:
    boxes, scores, labels = result['bboxes'], result['scores'], result['labels']
    assert boxes.shape == (len(scores), 4) and scores.shape == labels.shape
    assert np.isfinite(boxes).all() and (boxes >= 0).all()
    assert (boxes <= np.float32([width, height] * 2) + 1e-3).all()
    assert (np.diff(scores) <= 0).all() and (scores > 0).all() and (scores <= 1).all()


@pytest.mark.parametrize('size', ODD, ids='{0[0]}x{0[1]}'.format)
def test_images_of_any_size(detector, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    result = detector(image)
    check(result, *size)
    assert len(result['scores'])


@pytest.mark.parametrize('value', [0, 128, 255])
def test_images_of_one_color(detector, value):
    check(detector(np.full((60, 80, 3), value, np.uint8)), 60, 80)


@pytest.mark.slow
def test_a_thousand_random_images(detector, monkeypatch):
    """Of random sizes; those prepared outside stay small, to be quick."""
    monkeypatch.setitem(detector.recipe, 'scale', [64, 48])
    rng = np.random.default_rng(0)
    for _ in range(1000):
        size = rng.integers(1, 100, 2)
        image = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
        check(detector(image), *size)


def test_threads_share_a_detector(detector):
    images = [photo(40 + 7 * i, 60 + 5 * i) for i in range(12)]
    want = [detector(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(detector, images * 3))
    for i, result in enumerate(got):
        for name, value in want[i % len(want)].items():
            np.testing.assert_array_equal(result[name], value)


NOTHING = {
    'FasterRCNN': dict(test_cfg=dict(rpn=dict(min_bbox_size=1e5))),  # no region either
    'YOLOX': dict(test_cfg=dict(score_thr=1.1)),  # no candidate in front of suppression
    'RetinaNet': dict(test_cfg=dict(score_thr=1.1)),
}


@pytest.mark.slow
@pytest.mark.parametrize('kind', NOTHING)
def test_nothing_is_found(tmp_path, kind):
    export(content(kind, **NOTHING[kind]), tmp_path / 'a.onnx')
    result = OnnxDetector(tmp_path / 'a.onnx')(photo(64, 96))
    shapes = {name: (value.shape, value.dtype) for name, value in result.items()}
    assert shapes == {
        'bboxes': ((0, 4), np.float32),
        'scores': ((0,), np.float32),
        'labels': ((0,), np.int64),
    }
    pytest.importorskip('openvino', reason='pip install -r requirements/benchmark.txt')
    image = np.random.default_rng(0).normal(size=(1, 3, 64, 96)).astype(np.float32)
    values = in_openvino((tmp_path / 'a.onnx').read_bytes(), image)
    assert [values[name].shape for name in ('boxes', 'scores')] == [(0, 4), (0,)]


def test_a_file_cut_anywhere_is_refused(detector, tmp_path):
    with open(detector.path, 'rb') as file:
        data = file.read()
    places = np.random.default_rng(0).integers(0, len(data), 20)
    for place in [*places.tolist(), len(data) - 1]:
        (tmp_path / 'a.onnx').write_bytes(data[:place])
        with pytest.raises(ValueError, match='was cut off, or is no ONNX detector'):
            OnnxDetector(tmp_path / 'a.onnx')
