"""The command that writes ONNX files."""

from functools import partial

import pytest
from conftest import find_classes
from deploy.packing import config, photo, save

pytest.importorskip('onnxscript', reason='pip install -r requirements/export.txt')
pytest.importorskip('onnxruntime', reason='pip install -r requirements/export.txt')

from onnx_detector.toy_files import model  # noqa: E402

from surge_mmdet.onnx_detector import OnnxDetector  # noqa: E402
from surge_mmdet.onnx_detector.file import sealed  # noqa: E402
from surge_mmdet.shipped import SHIPPED  # noqa: E402


@pytest.fixture
def tool(run_tool):
    return partial(run_tool, 'deployment/export_onnx.py')


@pytest.fixture
def checkpoint(tmp_path):
    cfg = config('FasterRCNN')
    cfg.dump(tmp_path / 'config.py')
    meta = dict(dataset_meta=dict(classes=find_classes(cfg)))
    return save(cfg, tmp_path / 'a.pth', meta=meta)


def test_a_checkpoint_with_its_config_is_written_and_verified(tool, checkpoint, tmp_path):
    import cv2

    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/a.png'), photo())
    out = tmp_path / 'new/a.onnx'
    text = tool(
        tmp_path / 'config.py', checkpoint, out, '--preprocess', '--verify', tmp_path / 'images'
    )
    size = f'{out.stat().st_size / 1e6:.2f} MB'
    assert f'Wrote {out}: {size}' in text and 'of opset 18, 3 classes' in text
    assert 'input image (height, width, 3) uint8, BGR' in text
    assert 'Both on 1 image, packed is load_packed, ONNX is ONNX Runtime:' in text
    assert OnnxDetector(out).classes == find_classes(config('FasterRCNN'))


@pytest.mark.parametrize('paths', [('a.pth',), ('config.py', 'a.pth', 'a.onnx', 'b.onnx')])
def test_other_numbers_of_paths(tool, tmp_path, capsys, paths):
    with pytest.raises(SystemExit):
        tool(*(tmp_path / name for name in paths))
    assert 'write [CONFIG] CHECKPOINT OUT.onnx' in capsys.readouterr().err


def test_a_packed_file_has_its_storage_and_config(tool, tmp_path):
    packed = SHIPPED['digits'].path
    with pytest.raises(SystemExit, match=r'--real int8: \S+ is a packed file.*leave --real out'):
        tool(packed, tmp_path / 'a.onnx', '--real', 'int8')
    with pytest.raises(SystemExit, match='is a packed file, which has its config. Leave c.py out'):
        tool('c.py', packed, tmp_path / 'a.onnx')
    assert not list(tmp_path.iterdir())


def test_an_onnx_file_is_exported_already(tool, tmp_path, capsys):
    (tmp_path / 'a.onnx').write_bytes(sealed(model()))
    with pytest.raises(SystemExit, match='a.onnx is an ONNX file already. Name the checkpoint or'):
        tool(tmp_path / 'a.onnx', tmp_path / 'b.onnx')
    assert 'weights_only' not in ''.join(capsys.readouterr())


def test_errors_are_one_sentence(tool, checkpoint, tmp_path):
    with pytest.raises(SystemExit, match='a.pb: an ONNX file is known by its ending. Write .*onnx'):
        tool(checkpoint, tmp_path / 'a.pb')
    with pytest.raises(SystemExit, match='b.pth does not exist'):
        tool(tmp_path / 'b.pth', tmp_path / 'a.onnx')
    with pytest.raises(SystemExit, match='does not exist. Write --verify'):
        tool(checkpoint, tmp_path / 'a.onnx', '--verify', tmp_path / 'none')
    assert not list(tmp_path.glob('*.onnx'))
