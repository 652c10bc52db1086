"""Every shipped detector config is built, trained and tested.

The ``surge`` configs run under mmdet's own unmodified tools, their ``fp32``
and ``ste`` twins in this process: 2 iterations of 2 photographs, then a test
on 2 photographs, in small input.
"""

import gc
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

CONFIGS = sorted(
    p for folder in ('faster_rcnn', 'ssd') for p in (ROOT / 'configs' / folder).glob('*.py')
)
SURGE = [p for p in CONFIGS if '_surge' in p.stem]
TAUGHT = [p for p in CONFIGS if '_ste-pkd_' in p.stem or '_recipe' in p.stem]
TWINS = [p for p in CONFIGS if p not in SURGE + TAUGHT]
BCCD = [
    p
    for p in SURGE
    if p.stem in ('faster-rcnn_r18_fpn128_surge_12e_bccd', 'ssd300_vgg16_surge_12e_bccd')
]


def stem(path: Path) -> str:
    return path.stem


@pytest.fixture
def folder(tmp_path):
    """A temporary folder; checkpoints and models of a test go at once."""
    yield tmp_path
    shutil.rmtree(tmp_path)
    gc.collect()


def check_log(work_dir: Path, iterations: int) -> None:
    """Finite losses of so many iterations, and a result of the test."""
    file = sorted(work_dir.glob('*/vis_data/scalars.json'))[-1]
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    losses = [row['loss'] for row in rows if 'loss' in row]
    assert len(losses) == iterations
    assert torch.tensor(losses).isfinite().all()


def train_and_test_with_tools(monkeypatch, config, work):
    """mmdet's train.py and test.py; the checkpoint's state."""
    run_mmdet_tool(
        monkeypatch,
        'train.py',
        config,
        '--work-dir',
        work,
        '--cfg-options',
        'default_hooks.checkpoint.save_optimizer=False',
    )
    check_log(work, 2)
    checkpoint = work / 'epoch_1.pth'
    run_mmdet_tool(monkeypatch, 'test.py', config, checkpoint, '--work-dir', work / 'test')
    assert list((work / 'test').glob('*/*.json'))
    return torch.load(checkpoint, weights_only=False)['state_dict']


@pytest.mark.parametrize('path', SURGE, ids=stem)
def test_surge_trains_and_tests_with_mmdets_tools(path, folder, monkeypatch):
    config = tiny_config(path, folder)
    state = train_and_test_with_tools(monkeypatch, config, folder / 'work')
    assert any(key.endswith('aux_weight') for key in state)


@pytest.mark.parametrize('path', TWINS, ids=stem)
def test_twin_trains_and_tests(path, folder):
    train_and_test(Config.fromfile(tiny_config(path, folder)), folder / 'work')


@pytest.mark.parametrize('path', TAUGHT, ids=stem)
def test_student_trains_with_what_its_float_twin_left(path, folder, monkeypatch):
    """Both in one folder, as a user trains them; the twin's weights are random here."""
    twin = re.sub('_(ste-pkd|recipe|recipe-binary-fc)_', '_fp32_', path.name)
    teacher = tiny_config(path.with_name(twin), folder)
    left = folder / 'work_dirs' / teacher.stem
    left.mkdir(parents=True)
    init_default_scope('mmdet')
    detector = MODELS.build(Config.fromfile(teacher).model)
    detector.init_weights()
    torch.save(dict(state_dict=detector.state_dict()), left / 'epoch_1.pth')
    shutil.rmtree(folder / 'data')
    cfg = Config.fromfile(tiny_config(path, folder))
    cfg.model.teacher.config = str(teacher)
    monkeypatch.chdir(folder)
    losses = train_and_test(cfg, folder / 'work')
    assert all(row['loss_pkd'] > 0 for row in losses)


def train_and_test(cfg: Config, work: Path) -> list:
    """In this process; what was logged of each iteration."""
    cfg.work_dir = str(work)
    cfg.default_hooks.checkpoint = None
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    check_log(work, 2)
    assert runner.test()
    assert not any(name.endswith('aux_weight') for name, _ in runner.model.named_parameters())
    file = next(work.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [row for row in rows if 'loss' in row]


@pytest.mark.parametrize('path', BCCD, ids=stem)
def test_trains_and_tests_on_real_bccd(path, bccd_root, folder, monkeypatch):
    """The shipped input size and anchors, on a few real images."""
    cfg = Config.fromfile(path)
    for name, images in (('train', 4), ('val', 2), ('test', 2)):
        loader = cfg[f'{name}_dataloader']
        loader.update(batch_size=2, num_workers=0)
        loader.pop('worker_init_fn', None)
        loader.dataset.update(data_root=f'{bccd_root}/', indices=images)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.default_hooks.logger.interval = 1
    cfg.visualizer.name = str(folder)
    cfg.dump(folder / path.name)
    train_and_test_with_tools(monkeypatch, folder / path.name, folder / 'work')
