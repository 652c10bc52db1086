"""Tiny detectors with norms that do something, and noise for them."""

import copy

from deploy.packing import config, detector

from surge_mmdet.analysis.inference_cost.detectors.data import Images
from surge_mmdet.analysis.step_cost.synthetic import synthetic_batches

HEIGHT, WIDTH = 64, 96


def tiny(kind: str):
    """A detector of few channels, of a kind that ``deploy.packing`` knows."""
    low = dict(test_cfg=dict(rcnn=dict(score_thr=0.0))) if kind == 'MaskRCNN' else {}
    cfg = config(kind, **low)
    model = detector(cfg)
    model.cfg = cfg
    return model


def noise(model, count: int = 2) -> Images:
    """Images of noise, for timing and calibration."""
    batches = synthetic_batches(model, 1, HEIGHT, WIDTH)
    first = [copy.deepcopy(next(batches)) for _ in range(count)]
    return Images(first[0], first, 'noise')
