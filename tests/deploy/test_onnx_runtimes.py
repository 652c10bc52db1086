"""The shipped detector as ONNX: its AP is the packed one's, and OpenVINO agrees."""

import os
import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip('onnxscript', reason='pip install -r requirements/export.txt')
pytest.importorskip('onnxruntime', reason='pip install -r requirements/export.txt')

import numpy as np  # noqa: E402
from conftest import ROOT as REPOSITORY  # noqa: E402
from deploy.exporting import content  # noqa: E402
from deploy.packing import CONFIGS, photo  # noqa: E402

from surge_mmdet.analysis.shipped_models.data import split_data, truth  # noqa: E402
from surge_mmdet.deploy.agreement import match  # noqa: E402
from surge_mmdet.deploy.onnx_export import export, packed_source, verify  # noqa: E402
from surge_mmdet.deploy.onnx_export.verify import as_instances  # noqa: E402
from surge_mmdet.onnx_detector import OnnxDetector  # noqa: E402
from surge_mmdet.onnx_detector.image import prepare  # noqa: E402
from surge_mmdet.shipped import find_shipped  # noqa: E402

ROOT = Path(os.environ.get('BCCD_ROOT', 'data/bccd/VOCdevkit'))
BINARY_BOX_HEAD = dict(roi_head=dict(bbox_head=dict(type='surge_mmdet.BinaryShared2FCBBoxHead')))


@pytest.mark.slow
@pytest.mark.skipif(not ROOT.is_dir(), reason='BCCD_ROOT names no folder with VOC2007/')
@pytest.mark.parametrize('preprocess', [False, True])
def test_the_shipped_detector_keeps_its_ap(tmp_path, preprocess):
    shipped = find_shipped('bccd')
    found = packed_source(shipped.path)
    report = export(found, tmp_path / 'a.onnx', preprocess=preprocess)
    assert report.size < 1.05 * shipped.path.stat().st_size
    data = split_data('bccd', 'test', CONFIGS / shipped.config)
    with truth({**data, 'data_root': str(ROOT)}) as split:
        agreed = verify(found, tmp_path / 'a.onnx', split.images, split.ann)
    packed, exported = agreed.ap  # of three digits
    assert packed > 0.4 and round(abs(packed - exported), 3) <= 0.002, str(agreed)
    assert agreed.share > 0.97


@pytest.mark.parametrize('preprocess', [False, True])
def test_openvino_finds_the_same(tmp_path, preprocess):
    """Weights as bits too: nothing has to be expanded for it."""
    openvino = pytest.importorskip('openvino', reason='pip install -r requirements/benchmark.txt')
    found = content('FasterRCNN', **BINARY_BOX_HEAD)
    export(found, tmp_path / 'a.onnx', preprocess=preprocess)
    ours = OnnxDetector(tmp_path / 'a.onnx')
    image = np.kron(photo(24, 32), np.ones((10, 10, 1), np.uint8))
    given = image if preprocess else prepare(image, ours.recipe)[0]
    core = openvino.Core()
    theirs = core.compile_model(
        core.read_model(str(tmp_path / 'a.onnx')), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'}
    )(given)
    names = ('bboxes', 'scores', 'labels')
    want = as_instances(ours(image))
    got = as_instances({name: np.array(theirs[i]) for i, name in enumerate(names)})
    pairs = match(want, got, iou=0.99, score=0.0)
    assert len(want) == len(got) == len(pairs.pairs) > 0
    assert pairs.pairs[:, 1].max() < 1e-4


def test_the_guide_runs(tmp_path, monkeypatch, capsys):
    """The code of the page, on the digits that come with the package."""
    pytest.importorskip('openvino', reason='pip install -r requirements/benchmark.txt')
    shipped = find_shipped('digits')
    export(packed_source(shipped.path), tmp_path / 'digits.onnx')
    shutil.copy(shipped.photograph, tmp_path / 'photograph.jpg')
    monkeypatch.chdir(tmp_path)
    page = (REPOSITORY / 'docs/guides/onnx.md').read_text()
    blocks = re.findall(r'```python\n(.*?)```', page, re.S)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, 'docs/guides/onnx.md', 'exec'), {})
    lines = capsys.readouterr().out.splitlines()
    assert any(re.match(r'[a-z0-9]+ [01]\.\d\d \[', line) for line in lines), lines
