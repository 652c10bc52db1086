"""The six detectors of configs/binarized with few channels."""

import copy
import functools
from pathlib import Path

from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm

FOLDER = Path(__file__).parents[2] / 'configs/binarized'


def _resnet(channels: list, out: int) -> dict:
    return dict(
        backbone=dict(base_channels=channels[0] // (4 if out > 16 else 1)),
        neck=dict(in_channels=channels, out_channels=out),
    )


def _head(channels: int) -> dict:
    return dict(in_channels=channels, feat_channels=channels)


R18 = _resnet([8, 16, 32, 64], 16)
R50 = _resnet([32, 64, 128, 256], 64)
CSP = dict(
    backbone=dict(widen_factor=0.125),
    neck=dict(in_channels=[32, 64, 128], out_channels=32),
    bbox_head=_head(32),
    data_preprocessor=dict(batch_augments=None),
)  # else 480 pixels and more
ROI = dict(
    bbox_roi_extractor=dict(out_channels=64),
    mask_roi_extractor=dict(out_channels=64),
    bbox_head=dict(in_channels=64, fc_out_channels=16),
    mask_head=dict(in_channels=64, conv_out_channels=16),
)
TINY = {
    'RetinaNet': ('retinanet_r18_fpn_surge_1x_coco.py', dict(bbox_head=_head(16), **R18)),
    'FCOS': ('fcos_r50-caffe_fpn_gn-head_surge_1x_coco.py', dict(bbox_head=_head(64), **R50)),
    'ATSS': ('atss_r50_fpn_surge_1x_coco.py', dict(bbox_head=_head(64), **R50)),
    'YOLOX': ('yolox_s_surge_8xb8-300e_coco.py', CSP),
    'RTMDet': ('rtmdet_tiny_surge_8xb32-300e_coco.py', CSP),
    'MaskRCNN': (
        'mask-rcnn_r50_fpn_surge_1x_coco.py',
        dict(rpn_head=_head(64), roi_head=ROI, **R50),
    ),
}


@functools.cache
def _small(name: str) -> Config:
    register_all_modules()
    file, small = TINY[name]
    cfg = Config.fromfile(FOLDER / file)
    cfg.merge_from_dict(dict(model=small))
    return cfg


def model_config(name: str, **changes) -> Config:
    """``model`` of a shipped config, shrunk, with ``changes``."""
    cfg = copy.deepcopy(_small(name))
    cfg.merge_from_dict(dict(model=changes))
    return cfg.model


def build(name: str, **changes):
    """The tiny detector, as a runner without GPUs prepares it."""
    return revert_sync_batchnorm(MODELS.build(model_config(name, **changes)))


def real_config(name: str, **changes) -> Config:
    """The config of the real original of :func:`build`."""
    cfg = model_config(name, **changes)
    cfg.type = cfg.pop('detector')
    return cfg


def images(model, training: bool = True) -> dict:
    """Two preprocessed images with boxes, and masks where needed."""
    data = demo_mm_inputs(
        2, (3, 64, 64), num_items=[3, 3], with_mask='Mask' in type(model).__name__
    )
    return model.data_preprocessor(data, training)
