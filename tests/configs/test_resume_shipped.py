"""A shipped config, resumed at an epoch's end, goes on as if uninterrupted."""

import shutil

import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from mmengine.config import Config

SURGE = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'


def weights(path) -> dict:
    return torch.load(path, weights_only=False)['state_dict']


def test_resumed_training_is_bitwise_equal(tmp_path, monkeypatch):
    config = tiny_config(SURGE, tmp_path)
    cfg = Config.fromfile(config)
    cfg.train_cfg.update(max_epochs=2, val_interval=2)
    cfg.train_dataloader.update(
        num_workers=1,
        batch_size=1,
        multiprocessing_context='forkserver',  # the worker of pytest has threads
        worker_init_fn=dict(type='surge_mmdet.keep_worker_seed'),
    )
    cfg.dump(config)
    whole, resumed = tmp_path / 'whole', tmp_path / 'resumed'
    run_mmdet_tool(monkeypatch, 'train.py', config, '--work-dir', whole)
    resumed.mkdir()
    shutil.copy(whole / 'epoch_1.pth', resumed)
    (resumed / 'last_checkpoint').write_text(str(resumed / 'epoch_1.pth'))
    run_mmdet_tool(monkeypatch, 'train.py', config, '--work-dir', resumed, '--resume')
    start = weights(whole / 'epoch_1.pth')
    want, got = (weights(d / 'epoch_2.pth') for d in (whole, resumed))
    assert any(not want[k].equal(start[k]) for k in want)
    assert [k for k in want if not want[k].equal(got[k])] == []
