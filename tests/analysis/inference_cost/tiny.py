"""Tiny detectors with trained-looking norms, and noise for them."""

import copy

from deploy.packing import config, detector
from mmengine.config import Config

from surge_mmdet.analysis.inference_cost.detectors.data import Images
from surge_mmdet.analysis.step_cost.synthetic import synthetic_batches

KINDS = ('FasterRCNN', 'RetinaNet')


def tiny(kind: str) -> tuple:
    """(config, detector) of a few channels, with its ``cfg``."""
    cfg: Config = config(kind)
    model = detector(cfg)
    model.cfg = cfg
    return cfg, model


def noise(model, height: int = 64, width: int = 96, count: int = 2) -> Images:
    """Images of noise, for timing and calibration."""
    batches = synthetic_batches(model, 1, height, width)
    first = [copy.deepcopy(next(batches)) for _ in range(count)]
    return Images(first[0], first, 'noise')
