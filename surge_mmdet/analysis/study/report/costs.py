"""What each method of a plan costs when it is used: operations, size, time.

Weights are random, norms have the statistics of noise: speed, size and
operations do not depend on the training. All methods take turns in one
process, on one thread.
"""

import copy
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple, Optional

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.model import revert_sync_batchnorm
from torch import nn

from ....deploy import load_packed
from ....deploy.fold import pack_layers
from ....deploy.publish import float_bytes, publish
from ....distill import undistilled
from ....layers import BinaryLayer
from ....losses import without_losses
from ...complexity import detector_complexity
from ...conditions import conditions
from ...inference_cost.contest import Contestant, Outcome, Pace, Runner, compete
from ...inference_cost.detectors.data import noise
from ...inference_cost.detectors.models import folded, set_norms
from ...loading import build_detector
from ...rounds import ratio
from ...tables import write_json
from ..plan import Plan
from ..runs import first_run, run_config
from .costs_file import FILE

# Processor time of one thread: what else the machine does costs others, not these.
PACE = Pace(rounds=40, clock='cpu')
LINE = "config = 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'"


class Ready(NamedTuple):
    """A method's detector as a user runs it.

    Attributes:
        model (nn.Module): What is timed.
        bytes (int): Of its file; of its weights in float32 where it cannot be packed.
        form (str): What it runs as.
    """

    model: nn.Module
    bytes: int
    form: str


def measure_costs(
    plan: Plan, folder: Path, options: Optional[Mapping] = None, pace: Pace = PACE
) -> dict:
    """Measure all methods of a plan and leave ``costs.json``.

    Args:
        plan (Plan): The plan.
        folder (Path): Of the study.
        options (Mapping | None): For every run, as ``--cfg-options``.
        pace (Pace): How the times are taken.

    Returns:
        dict: ``methods``, label to figures, and under what they were measured.
    """
    MMLogger.get_instance('costs', log_level=logging.WARNING)  # detectors log their policies
    torch.set_num_threads(pace.threads)
    configs = {method: method_config(plan, method, options or {}) for method in plan.methods}
    found, contestants = {}, []
    with tempfile.TemporaryDirectory() as place:
        for method, cfg in configs.items():
            model, images = random_detector(cfg, plan.config)
            found[method] = _operations(model, images.shape)
            ready = as_used(model, cfg, Path(place))
            found[method] |= dict(bytes=ready.bytes, form=ready.form)
            contestants.append(_contestant(method, ready.model, images.batch))
    outcomes = compete(contestants, pace)
    for method, outcome in outcomes.items():
        found[method] |= _times(outcome, outcomes[plan.baseline])
    about = dict(
        image=f'noise of {images.shape[0]}x{images.shape[1]} (height x width)',
        weights='random, norms from noise',
        threads=pace.threads,
        clock=pace.clock,
    )
    costs = dict(conditions(**about), methods=found)
    write_json(costs, folder / FILE)
    return costs


def _times(outcome: Outcome, base: Outcome) -> dict:
    """Seconds per image, and their ratio to the baseline's in the same rounds."""
    if not outcome.counts:
        return dict(form=f'does not run: {outcome.why}')
    times = {'seconds per image': median(outcome.seconds), 'rounds': len(outcome.seconds)}
    return {**times, 'ratio': list(ratio(outcome.seconds, base.seconds))} if base.counts else times


def method_config(plan: Plan, method: str, options: Mapping) -> Config:
    """The config of a method without teacher and losses, as it is deployed."""
    optimizer = next(name for name in plan.optimizers if plan.rates(name, method))
    cfg = run_config(plan, first_run(plan, optimizer, method), dict(options))
    cfg.model = without_losses(undistilled(cfg.model.to_dict()))
    return cfg


class Images(NamedTuple):
    """What is detected in: (height, width) and a batch of one image."""

    shape: tuple
    batch: dict


def random_detector(cfg: Config, path: str) -> tuple:
    """(the detector with random weights in eval mode, :class:`Images`).

    The same seed for every method, so that as many proposals survive.
    """
    torch.manual_seed(0)
    model = build_detector(cfg, path, LINE)
    model.init_weights()
    model = revert_sync_batchnorm(model).eval()
    images = noise(cfg, path, model)
    set_norms(model, images.calibration)
    return model, Images(tuple(images.timed['inputs'][0].shape[-2:]), images.timed)


def _operations(model: nn.Module, shape: tuple) -> dict:
    found = detector_complexity(model, *shape)
    return dict(flops=found.flops, bops=found.bops, ops=found.ops, megabytes=float(found.megabytes))


def as_used(model: nn.Module, cfg: Config, place: Path) -> Ready:
    """The detector from its packed file, or as PyTorch runs it where it cannot be packed.

    Args:
        model (nn.Module): With weights, in eval mode.
        cfg (Config): Its config.
        place (Path): A folder for files.
    """
    layers = sum(isinstance(layer, BinaryLayer) for layer in model.modules())
    if not layers:
        return Ready(folded(model), float_bytes(model), 'PyTorch, float32: all layers are real')
    kept = pack_layers(copy.deepcopy(model))
    reasons = '; '.join(dict.fromkeys(why.split('. ')[0] for why in kept.values()))
    if len(kept) == layers:
        return Ready(model, float_bytes(model), f'PyTorch, cannot be packed: {reasons}')
    config, checkpoint, file = (place / n for n in ('config.py', 'random.pth', 'x.safetensors'))
    cfg.dump(config)
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    size = publish(checkpoint, file, str(config)).sizes['packed']
    form = f'packed but for {len(kept)} layers: {reasons}' if kept else 'packed'
    return Ready(load_packed(file), size, form)


def _contestant(label: str, model: nn.Module, batch: dict) -> Contestant:
    def build() -> Runner:
        return Runner(predicts(model, batch), lambda: 0.0)

    return Contestant(label, 'ours', build, tolerance=0.0)


def predicts(model: nn.Module, batch: dict) -> Callable:
    """From the uint8 image to the boxes, as a function without arguments."""

    @torch.no_grad()
    def run() -> list:
        return model.test_step(batch)

    return run
