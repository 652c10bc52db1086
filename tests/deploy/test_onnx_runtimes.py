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

from surge_mmdet.analysis.onnx_files.runtimes import RUNTIMES  # noqa: E402
from surge_mmdet.analysis.shipped_models.data import split_data, truth  # noqa: E402
from surge_mmdet.deploy.agreement import match  # noqa: E402
from surge_mmdet.deploy.onnx_export import export, packed_source  # noqa: E402
from surge_mmdet.deploy.onnx_export.verify import (  # noqa: E402
    as_instances,
    compared,
    packed_detections,
    packed_detector,
)
from surge_mmdet.deploy.verify import check_images  # noqa: E402
from surge_mmdet.shipped import find_shipped  # noqa: E402

ROOT = Path(os.environ.get('BCCD_ROOT', 'data/bccd/VOCdevkit'))
BINARY_BOX_HEAD = dict(roi_head=dict(bbox_head=dict(type='surge_mmdet.BinaryShared2FCBBoxHead')))


@pytest.fixture(scope='module')
def blood_cells():
    """The shipped detector packed, and what it finds in BCCD's test images."""
    if not ROOT.is_dir():
        pytest.skip('BCCD_ROOT names no folder with VOC2007/')
    shipped = find_shipped('bccd')
    packed = packed_detector(packed_source(shipped.path))
    data = split_data('bccd', 'test', CONFIGS / shipped.config)
    with truth({**data, 'data_root': str(ROOT)}) as split:
        paths, numbers = check_images(split.images, split.ann)
        yield packed, packed_detections(packed, paths), paths, numbers, split.ann


@pytest.mark.slow
@pytest.mark.parametrize(
    'options', [{}, dict(preprocess=True), dict(expand=True)], ids=lambda o: ' '.join(o) or 'plain'
)
def test_the_shipped_detector_keeps_its_ap(tmp_path, blood_cells, options):
    """In each runtime; AP has three digits."""
    pytest.importorskip('openvino', reason='pip install -r requirements/benchmark.txt')
    packed, want, *images = blood_cells
    shipped = find_shipped('bccd')
    report = export(packed_source(shipped.path), tmp_path / 'a.onnx', **options)
    assert 'expand' in options or report.size < 1.05 * shipped.path.stat().st_size
    for runtime, detector in RUNTIMES.items():
        agreed = compared(packed, want, detector(tmp_path / 'a.onnx', 1), *images)
        ours, theirs = agreed.ap
        assert agreed.images == 72 and ours > 0.4
        assert round(abs(ours - theirs), 3) <= 0.002, f'{runtime}: {agreed}'
        assert agreed.share > 0.97, f'{runtime}: {agreed}'


@pytest.mark.parametrize('preprocess', [False, True])
def test_openvino_finds_the_same(tmp_path, preprocess):
    """Weights as bits too: nothing has to be expanded for it."""
    pytest.importorskip('openvino', reason='pip install -r requirements/benchmark.txt')
    found = content('FasterRCNN', **BINARY_BOX_HEAD)
    export(found, tmp_path / 'a.onnx', preprocess=preprocess)
    image = np.kron(photo(24, 32), np.ones((10, 10, 1), np.uint8))
    want, got = (as_instances(each(tmp_path / 'a.onnx', 1)(image)) for each in RUNTIMES.values())
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
