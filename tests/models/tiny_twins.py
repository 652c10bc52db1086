"""Binary detectors of configs/ and their float twins, with few channels."""

import copy
from pathlib import Path

import torch
from conftest import ROOT, shrink_rcnn, shrink_ssd
from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine.config import Config
from tiny_detectors import model_config, real_config

NARROW = dict(
    backbone=dict(base_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=16),
    ),
)
C4 = dict(rpn_head=dict(feat_channels=16))  # layer4 reads as many channels as layer3 has
FILES = {
    'FasterRCNN': ('faster_rcnn/faster-rcnn_r18_fpn128_{}_12e_bccd.py', NARROW),
    'C4': ('faster_rcnn/faster-rcnn_r18_c4_{}_4x3e_voc0712.py', C4),
    'SSD': ('ssd/ssd300_vgg16_{}_12e_bccd.py', {}),
}
# One with two stages, one without a pyramid, one single stage with it.
NAMES = ('FasterRCNN', 'SSD', 'RetinaNet')


def twin(name: str, method: str = 'ste') -> Config:
    """``model`` of a shipped config, shrunk: ``ste`` or ``fp32``."""
    if name not in FILES:
        return real_config(name) if method == 'fp32' else model_config(name)
    register_all_modules()
    file, small = FILES[name]
    cfg = Config.fromfile(ROOT / 'configs' / file.format(method))
    cfg.merge_from_dict(dict(model=copy.deepcopy(small)))
    (shrink_ssd if name == 'SSD' else shrink_rcnn)(cfg.model)
    return cfg.model


def built(model: Config):
    """The detector of a config, in training mode, with weights of seed 0."""
    torch.manual_seed(0)
    detector = MODELS.build(copy.deepcopy(model))
    detector.init_weights()  # else SSD's L2Norm is whatever the memory held
    return detector.train()


def teacher_of(model: Config, folder: Path) -> dict:
    """Config and checkpoint of a detector with random weights, to teach."""
    config = folder / 'teacher.py'
    Config(dict(model=model, default_scope='mmdet')).dump(config)
    torch.save(dict(state_dict=built(model).state_dict()), folder / 'teacher.pth')
    return dict(config=str(config), checkpoint=str(folder / 'teacher.pth'))


def distilled(name: str, folder: Path, *distillation, method='ste', student=None, **teacher):
    """A tiny student with the teacher of :func:`teacher_of`, in training mode.

    ``student``, a ``model``, stands for :func:`twin`'s.
    """
    cfg = twin(name, method) if student is None else student
    cfg.update(
        student=cfg.type,
        type='surge_mmdet.DistilledDetector',
        teacher=teacher_of(twin(name, 'fp32'), folder) | teacher,
        distillation=list(distillation),
    )
    return built(cfg)


def batch(model, boxes=(2, 3), size: int = 64) -> dict:
    """Preprocessed images with so many boxes each."""
    data = demo_mm_inputs(len(boxes), (3, size, size), num_items=list(boxes), num_classes=3)
    return model.data_preprocessor(data, True)
