"""Checkpoints of tiny detectors, to pack."""

import copy
from pathlib import Path
from typing import Optional

import torch
from mmdet.models.necks.ssd_neck import L2Norm
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from models.tiny_detectors import TINY, _small
from torch.nn.modules.batchnorm import _BatchNorm

from surge_mmdet.layers import TRAINING_ONLY

CONFIGS = Path(__file__).parents[2] / 'configs'
FASTER = CONFIGS / 'faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'
NARROW = dict(in_channels=16, feat_channels=16)
SMALL_FASTER = dict(
    backbone=dict(base_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    rpn_head=NARROW,
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=32),
    ),
    test_cfg=dict(rpn=dict(nms_pre=50, max_per_img=20), rcnn=dict(score_thr=0.0, max_per_img=20)),
)
KINDS = ('FasterRCNN', *TINY)


def config(kind: str, **changes) -> Config:
    """A shipped config with few channels: ``FasterRCNN``, or a key of ``TINY``."""
    if kind == 'FasterRCNN':
        cfg = Config.fromfile(FASTER)
        cfg.merge_from_dict(dict(model=SMALL_FASTER))
    else:
        cfg = copy.deepcopy(_small(kind))
    cfg.merge_from_dict(dict(model=changes))
    return cfg


def detector(cfg: Config, seed: int = 0):
    """The detector of a config with weights as a training leaves them: norms that do something."""
    init_default_scope('mmdet')
    torch.manual_seed(seed)
    return settled(revert_sync_batchnorm(MODELS.build(copy.deepcopy(cfg.model))))


def settled(model):
    """``model`` in eval mode, its norms and rescalings with values of no symmetry."""
    for module in model.eval().modules():
        if isinstance(module, _BatchNorm):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
        if isinstance(module, L2Norm):  # empty memory until init_weights
            torch.nn.init.uniform_(module.weight, 15, 25)
    return model


def save(
    cfg: Config, path: Path, model=None, meta: Optional[dict] = None, lean: bool = False
) -> Path:
    """A checkpoint as mmengine's, with training state besides the weights.

    ``meta`` replaces parts of what mmengine writes there; ``lean`` leaves the
    auxiliary weights out.
    """
    classes = tuple(f'class {i}' for i in range(class_count(cfg)))
    model = model or detector(cfg)
    weights = {
        k: v for k, v in model.state_dict().items() if not (lean and k.endswith(TRAINING_ONLY))
    }
    content = dict(
        meta={'cfg': cfg.pretty_text, 'dataset_meta': dict(classes=classes), **(meta or {})},
        state_dict=weights,
        optimizer=dict(state={0: torch.zeros(1000)}),
    )
    torch.save(content, path)
    return path


def class_count(cfg: Config) -> int:
    """``num_classes`` of a detector's head."""
    return cfg.model.get('roi_head', cfg.model)['bbox_head']['num_classes']


def photo(height: int = 64, width: int = 96):
    """A photograph's part as an array, BGR."""
    from conftest import photographs

    return photographs()[0][:height, :width].copy()
