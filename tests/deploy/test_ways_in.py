"""Packed files where mmdet's tools expect a checkpoint."""

import re
import shutil
import subprocess
import sys
import warnings

import pytest
import torch
from conftest import ROOT, find_classes, tiny_config
from deploy.packing import FASTER, SMALL_FASTER, config, detector, photo, save
from mmdet.apis import DetInferencer, inference_detector, init_detector
from mmengine.config import Config
from mmengine.runner import CheckpointLoader, Runner, load_checkpoint

from surge_mmdet.deploy import checkpoint_loader, load_packed
from surge_mmdet.deploy.packed_layers import PackedLayer
from surge_mmdet.deploy.publish import publish

DETECTIONS = ('bboxes', 'scores', 'labels')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A tiny config with data, its checkpoint and its packed file."""
    folder = tmp_path_factory.mktemp('ways')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **options: (text, True))
        path = tiny_config(FASTER, folder)
        cfg = Config.fromfile(path)
        cfg.merge_from_dict(dict(model=SMALL_FASTER))
        cfg.dump(folder / 'config.py')
        meta = dict(dataset_meta=dict(classes=find_classes(cfg)))
        save(cfg, folder / 'a.pth', meta=meta)
        publish(folder / 'a.pth', folder / 'a.safetensors', real='float32')
        # mmdet's benchmark does not count its first five images.
        data = cfg.test_dataloader.dataset
        cfg.test_dataloader.dataset = dict(type='RepeatDataset', times=4, dataset=data)
        cfg.dump(folder / 'repeated.py')
    return folder


def packed(model) -> bool:
    return any(isinstance(m, PackedLayer) for m in model.modules())


def same(a, b) -> bool:
    return all(torch.equal(a[key], b[key]) for key in DETECTIONS)


@pytest.fixture
def want(folder):
    """What the file itself detects."""
    return inference_detector(load_packed(folder / 'a.safetensors'), photo()).pred_instances


def test_init_detector(folder, want):
    model = init_detector(str(folder / 'config.py'), str(folder / 'a.safetensors'), device='cpu')
    assert packed(model) and model.dataset_meta['classes'] == ('RBC', 'WBC', 'Platelets')
    assert same(inference_detector(model, photo()).pred_instances, want)


def test_inferencer_needs_nothing_but_the_file(folder, want):
    path = str(folder / 'a.safetensors')
    inferencer = DetInferencer(weights=path, device='cpu', show_progress=False)
    assert packed(inferencer.model)
    found = inferencer(photo(), return_datasamples=True)['predictions'][0].pred_instances
    assert same(found, want)


def test_the_lines_of_the_guide(folder):
    """In a process of their own, since an import there teaches mmengine to read packed files."""
    import cv2

    shutil.copy(folder / 'a.safetensors', folder / 'detector.safetensors')
    cv2.imwrite(str(folder / 'photograph.jpg'), photo())
    page = (ROOT / 'docs/guides/deploy.md').read_text()
    blocks = re.findall(r'```python\n(.*?)```', page, re.S)
    code = [each for each in blocks if not each.startswith('default_hooks')]  # a config's line
    assert len(code) == 2
    for lines, count in zip(code, ('model', 'inferencer.model'), strict=True):
        lines += f"print('packed', sum('Packed' in type(m).__name__ for m in {count}.modules()))\n"
        done = subprocess.run(
            [sys.executable, '-c', lines], capture_output=True, text=True, cwd=folder, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout.split('packed')[-1]) > 10
    assert (folder / 'found/vis/photograph.jpg').is_file()


def run(folder, name, *arguments):
    done = subprocess.run(
        [sys.executable, str(ROOT / 'tools' / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize('name', ['renamed.pth', 'renamed.bin', 'renamed', 'A.SAFETENSORS'])
def test_another_name_is_the_same_file(folder, want, tmp_path, name):
    path = str(shutil.copy(folder / 'a.safetensors', tmp_path / name))
    found = [
        load_packed(path),
        init_detector(str(folder / 'config.py'), path, device='cpu'),
        DetInferencer(weights=path, device='cpu', show_progress=False).model,
    ]
    for model in found:
        assert packed(model)
        assert same(inference_detector(model, photo()).pred_instances, want)


def test_a_home_folder_is_found(folder, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    for name in ('a.safetensors', 'renamed.pth'):
        shutil.copy(folder / 'a.safetensors', tmp_path / name)
        model = init_detector(str(folder / 'config.py'), f'~/{name}', device='cpu')
        assert packed(model)


def test_a_renamed_file_that_is_cut_off_is_refused(folder, tmp_path):
    (tmp_path / 'cut.pth').write_bytes((folder / 'a.safetensors').read_bytes()[:-1])
    with pytest.raises(ValueError, match='cut.pth is damaged.*Copy or download it again'):
        DetInferencer(weights=str(tmp_path / 'cut.pth'), device='cpu', show_progress=False)


def test_a_missing_file_is_named(folder, tmp_path):
    for name in ('none.safetensors', 'none.pth'):
        with pytest.raises(FileNotFoundError, match=name):
            DetInferencer(weights=str(tmp_path / name), device='cpu', show_progress=False)


@pytest.mark.parametrize('device', ['gpu', 'cuda', 'cuda:0', 'meta', None, 7])
def test_other_devices_are_refused_with_the_line(folder, device):
    with pytest.raises(ValueError, match=f'run on the CPU, not on {device}. Write load_packed'):
        load_packed(folder / 'a.safetensors', device=device)


def test_test_tool(folder):
    status, out = run(
        folder, 'test.py', 'config.py', 'a.safetensors', '--work-dir', 'work', '--out', 'found.pkl'
    )
    assert status == 0, out
    assert 'coco/bbox_mAP' in out and (folder / 'found.pkl').is_file()
    assert 'Loads checkpoint by packed backend' in out
    shutil.copy(folder / 'a.safetensors', folder / 'renamed.pth')
    status, renamed = run(folder, 'test.py', 'config.py', 'renamed.pth', '--work-dir', 'work')
    assert status == 0 and 'coco/bbox_mAP' in renamed, renamed
    assert 'do not match exactly' not in out, 'mmengine only warns of weights it does not copy'


def test_benchmark(folder):
    status, out = run(
        folder,
        'mmdet_tool.py',
        'benchmark',
        'repeated.py',
        '--task',
        'inference',
        '--checkpoint',
        'a.safetensors',
        '--max-iter',
        7,
    )
    assert status == 0, out
    assert 'do not match exactly' not in out and 'img/s' in out


def runner(folder, tmp_path, **changes):
    cfg = Config.fromfile(folder / 'config.py')
    cfg.work_dir = str(tmp_path / 'work')
    cfg.load_from = str(folder / 'a.safetensors')
    cfg.visualizer.name = str(tmp_path)
    cfg.merge_from_dict(changes)
    return Runner.from_cfg(cfg)


def test_a_runner_tests_what_the_file_detects(folder, tmp_path, want):
    made = runner(folder, tmp_path)
    made.test()
    assert packed(made.model)
    made.model.cfg = made.cfg
    assert same(inference_detector(made.model, photo()).pred_instances, want)


def test_a_runner_that_keeps_averages(folder, tmp_path, want):
    """EMAHook holds a copy of the model, and exchanges their parameters for the test."""
    hooks = [dict(type='EMAHook', ema_type='ExpMomentumEMA', update_buffers=True)]
    made = runner(folder, tmp_path, custom_hooks=hooks)
    made.test()
    assert packed(made.model)
    made.model.cfg = made.cfg
    assert same(inference_detector(made.model, photo()).pred_instances, want)


def test_test_time_augmentation(folder, tmp_path):
    """The detector is inside mmengine's wrapper for it."""
    from mmdet.registry import MODELS

    tta = dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=9)
    detector_cfg = Config.fromfile(folder / 'config.py').model
    model = MODELS.build(dict(type='DetTTAModel', tta_cfg=tta, module=detector_cfg))
    load_checkpoint(model, str(folder / 'a.safetensors'))
    assert packed(model.module)


def test_a_training_from_bits_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match='a.safetensors is packed: it has no latent weights'):
        runner(folder, tmp_path).train()
    made = runner(folder, tmp_path, resume=True)
    with pytest.raises(ValueError, match='load_from=work_dirs/<run>/epoch_N.pth'):
        made.train()


@pytest.mark.parametrize('way', ['init_detector', 'load_checkpoint'])
def test_another_config_is_refused_where_mmengine_only_warns(folder, tmp_path, way):
    cfg = config('RetinaNet')
    cfg.dump(tmp_path / 'retina.py')
    path = str(folder / 'a.safetensors')
    with pytest.raises(ValueError, match='does not fit this RetinaNet.*take its own: load_packed'):
        if way == 'init_detector':
            init_detector(str(tmp_path / 'retina.py'), path, device='cpu')
        else:
            load_checkpoint(detector(cfg), path)


def test_a_damaged_file_is_refused(folder, tmp_path):
    data = bytearray((folder / 'a.safetensors').read_bytes())
    data[-1] ^= 1
    (tmp_path / 'b.safetensors').write_bytes(data)
    with pytest.raises(ValueError, match='b.safetensors is damaged'):
        init_detector(str(folder / 'config.py'), str(tmp_path / 'b.safetensors'), device='cpu')


def test_other_checkpoints_go_the_way_they_went(folder, want):
    load_checkpoint(detector(config('FasterRCNN')), str(folder / 'a.safetensors'))  # watches now
    model = detector(config('FasterRCNN'), seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        saved = load_checkpoint(model, str(folder / 'a.pth'), strict=True)
    assert not packed(model)
    assert all(model.state_dict()[k].equal(v) for k, v in saved['state_dict'].items())
    assert checkpoint_loader.packed_source(saved['state_dict']) == ''


@pytest.mark.parametrize(
    'content, why',
    [
        (b'\x08\x0a\x12\x07pytorch', 'is an ONNX file already. Name the checkpoint or packed file'),
        (b'\xff\xd8\xff\xe0 a photograph', r'is no checkpoint of a training, .*\(17 bytes'),
        (b'', 'is no checkpoint of a training'),
    ],
)
def test_what_is_no_file_of_pytorch_is_not_unpickled(content, why, tmp_path, monkeypatch):
    """By any name; mmengine's own loader would try, and fall back to running what is in it."""
    monkeypatch.setattr(checkpoint_loader, '_load_other', lambda *_: pytest.fail('it was tried'))
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(ValueError, match=why):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'), 'cpu')
