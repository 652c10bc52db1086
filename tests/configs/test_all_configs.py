"""Every shipped config trains and tests under mmdet's own tools."""
import json
from pathlib import Path

import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from mmengine.config import Config

CONFIGS = sorted(p for p in (ROOT / 'configs').rglob('*.py')
                 if '_base_' not in p.parts)
NAMES = [p.stem for p in CONFIGS]


def last_log(work_dir: Path) -> list:
    """Rows of the newest JSON log."""
    file = sorted(work_dir.glob('*/vis_data/scalars.json'))[-1]
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize('path', CONFIGS, ids=NAMES)
def test_trains_and_tests_with_mmdets_tools(path, tmp_path, monkeypatch):
    config = tiny_config(path, tmp_path)
    work = tmp_path / 'work'
    run_mmdet_tool(monkeypatch, 'train.py', config, '--work-dir', work)
    checkpoint = work / 'epoch_1.pth'
    losses = [row['loss'] for row in last_log(work) if 'loss' in row]
    assert losses and all(torch.isfinite(torch.tensor(losses)))
    run_mmdet_tool(monkeypatch, 'test.py', config, checkpoint,
                   '--work-dir', work / 'test')
    assert list((work / 'test').glob('*/*.json'))
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    has_aux = any(key.endswith('aux_weight') for key in state)
    assert has_aux == ('_surge' in path.stem)


@pytest.mark.parametrize('path', CONFIGS, ids=NAMES)
def test_file_name_follows_the_rules(path):
    algorithm, *parts = path.stem.split('_')
    assert algorithm == 'faster-rcnn'
    assert parts[:2] in (['r18', 'fpn'], ['r18', 'fpn128'])
    assert parts[2] in ('fp32', 'ste', 'surge', 'surge-polynomial')
    assert len(parts) == 5


@pytest.mark.parametrize('path', CONFIGS, ids=NAMES)
def test_leaf_is_short_and_bases_resolve(path):
    assert len(path.read_text().splitlines()) <= 15
    cfg = Config.fromfile(path)
    assert 'surge_mmdet.engine' in cfg.custom_imports.imports
    assert cfg.default_hooks.checkpoint.backend_args.backend == 'surge_atomic'


def test_twins_differ_in_method_only():
    folder = ROOT / 'configs/faster_rcnn'
    surge, ste, fp32 = (
        Config.fromfile(folder / f'faster-rcnn_r18_fpn128_{m}_12e_bccd.py')
        for m in ('surge', 'ste', 'fp32'))
    for part in ('backbone', 'neck', 'rpn_head'):
        policies = [cfg.model[part].pop('policy') for cfg in
                    (surge, ste, fp32)]
        assert policies[0].layer.surge.eta == 0.3
        assert policies[1].layer.surge is None
        assert policies[2] is None
    assert surge.model == ste.model == fp32.model
    assert surge.train_dataloader == ste.train_dataloader
    assert surge.optim_wrapper == fp32.optim_wrapper
