"""The benchmark of one detector, from its config to its tables."""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Optional

import torch
from torch import nn

from ...loading import build_detector, load_config
from ..contest import Pace, compete
from . import data, models
from .accuracy import accuracy
from .contest import PACKED, Field
from .profile import profile_table, shares
from .table import detectors_table, parts_of


@dataclass(frozen=True)
class Setup:
    """What is measured.

    Args:
        config (str): Of a binary detector.
        checkpoint (str | None): Of its training; None for random weights.
        twin (str | None): Config of its float twin; None makes it from the
            binary one, whose AP then says nothing.
        twin_checkpoint (str | None): Of the twin's training.
        image (str | None): To detect in; None for noise, or the config's data.
        own_data (bool): Take the config's own images, for timing and calibration.
        accuracy (int | None): Test images for AP, 0 for all; None for no AP.
        profile (bool): Also say where the time of ours goes.
    """

    config: str
    checkpoint: Optional[str] = None
    twin: Optional[str] = None
    twin_checkpoint: Optional[str] = None
    image: Optional[str] = None
    own_data: bool = False
    accuracy: Optional[int] = None
    profile: bool = False


def check_setup(setup: Setup) -> None:
    """Raise ValueError for options that do not go together."""
    if setup.twin_checkpoint and not setup.twin:
        raise ValueError(
            'a checkpoint needs its config. Write --twin-checkpoint FILE --twin CONFIG'
        )
    if setup.accuracy is not None and not setup.checkpoint:
        raise ValueError('random weights have no AP. Write --checkpoint FILE, or no --accuracy')
    if setup.image and setup.own_data:
        raise ValueError('write --image FILE or --data config, not both')


def measure_detector(setup: Setup, pace: Pace) -> tuple:
    """Let all contestants run one detector.

    Returns:
        tuple: (tables by name, outcomes by label, what the head of the tables
        says of the images and weights).

    Raises:
        FileNotFoundError, ValueError: If a file is missing or does not fit.
    """
    _quiet()
    torch.set_num_threads(pace.threads)
    cfg = load_config(setup.config)
    images = _images(setup, cfg)
    binary = models.opened(setup.config, setup.checkpoint, images.calibration)
    field = Field(binary, _twin(setup, binary, images), images, pace)
    found = compete(field.contestants(), pace)
    parts = parts_of(found, field.detectors)
    ap = _accuracy(setup, cfg, field, found) if setup.accuracy is not None else {}
    tables = {'times': detectors_table(found, parts, ap)}
    if setup.profile and PACKED in found and found[PACKED].counts:
        run = partial(field.detectors[PACKED].predict, images.timed)
        tables['profile'] = profile_table(shares(run))
    weights = setup.checkpoint or 'random'
    return tables, found, dict(images=images.told, weights=weights)


def _quiet() -> None:
    from mmengine.logging import MMLogger

    MMLogger.get_instance('benchmark', log_level=logging.WARNING)


def _images(setup: Setup, cfg) -> data.Images:
    if setup.image:
        return data.from_file(cfg, setup.image)
    if setup.own_data:
        return data.own_data(cfg)
    return data.noise(cfg, setup.config, build_detector(cfg, setup.config, models.LINE))


def _twin(setup: Setup, binary: nn.Module, images: data.Images) -> nn.Module:
    """Trained on its own, or made of the binary detector with fresh statistics."""
    if setup.twin is None:
        return models.float_twin(binary, images.calibration)
    twin = models.opened(setup.twin, setup.twin_checkpoint, images.calibration)
    return models.float_twin(twin)


def _accuracy(setup: Setup, cfg, field: Field, found: dict) -> dict:
    """Of all that count; of float detectors only if they were trained."""
    judged = {
        label: detector
        for label, detector in field.detectors.items()
        if found[label].counts
        and (setup.twin_checkpoint or found[label].kind in ('ours', 'simulated'))
    }
    return accuracy(cfg, judged, setup.accuracy or None)
