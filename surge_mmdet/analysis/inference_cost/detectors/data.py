"""Images for the benchmark of detectors: noise, one file, or the config's own data."""

import copy
from typing import NamedTuple, Optional

from torch import nn
from torch.utils.data import DataLoader

from ...loading import pipeline_shape
from ...step_cost.synthetic import synthetic_batches

CALIBRATION = 16  # images for int8, and for the norms of random weights


class Images(NamedTuple):
    """What a benchmark runs on.

    Attributes:
        timed (dict): The batch of one image that is timed.
        calibration (list[dict]): Batches of one image each.
        told (str): What it is, for the head of a table.
    """

    timed: dict
    calibration: list
    told: str


def noise(cfg, config: str, model: nn.Module) -> Images:
    """Noise of the size that the config's test pipeline resizes to."""
    height, width = pipeline_shape(cfg, config, f'inference.py detector {config} --image FILE')
    batches = synthetic_batches(model, 1, height, width)
    first = [next(batches) for _ in range(4)]  # they come again after that
    return Images(first[0], first, f'noise of {height}x{width} (height x width)')


def from_file(cfg, image: str) -> Images:
    """One image through the config's test pipeline; its mirror image helps to calibrate."""
    batch = _batch(_pipeline(cfg), dict(img_path=image, img_id=0))
    other = {**batch, 'inputs': [batch['inputs'][0].flip(-1)]}
    return Images(batch, [batch, other], f'{image}, {_size(batch)}')


def own_data(cfg) -> Images:
    """The first test image, and training images through the test pipeline for calibration."""
    first = next(iter(test_batches(cfg)))
    pipeline = _pipeline(cfg)
    found = _dataset(cfg.train_dataloader.dataset)
    step = max(1, len(found) // CALIBRATION)
    paths = [found.get_data_info(i)['img_path'] for i in range(0, len(found), step)]
    batches = [_batch(pipeline, dict(img_path=path, img_id=0)) for path in paths[:CALIBRATION]]
    return Images(first, batches, f"the config's data, {_size(first)}")


def test_batches(cfg, limit: Optional[int] = None) -> DataLoader:
    """Test images with their ground truth, one by one.

    Args:
        cfg (Config): The config.
        limit (int | None): How many; None for all.
    """
    from mmengine.runner import Runner

    _in_scope(cfg)
    loader = copy.deepcopy(cfg.test_dataloader)
    loader.update(batch_size=1, num_workers=0, persistent_workers=False)
    if limit is not None:
        loader.dataset.indices = limit
    return Runner.build_dataloader(loader, seed=0)


def _in_scope(cfg) -> None:
    """Let names of the config be looked up where the config means."""
    from mmengine.registry import init_default_scope

    init_default_scope(cfg.get('default_scope', 'mmdet'))


def _pipeline(cfg):
    from mmcv.transforms import Compose
    from mmdet.utils import get_test_pipeline_cfg

    _in_scope(cfg)
    # Ground truth would have to be loaded; an image has none.
    steps = [s for s in get_test_pipeline_cfg(cfg) if 'LoadAnnotations' not in s['type']]
    return Compose(steps)


def _batch(pipeline, about: dict) -> dict:
    found = pipeline(about)
    return dict(inputs=[found['inputs']], data_samples=[found['data_samples']])


def _dataset(cfg):
    """The data set inside of repetitions and mixtures, without its pipeline's work."""
    from mmdet.registry import DATASETS

    while 'ann_file' not in cfg:
        inside = cfg.get('dataset') or cfg['datasets'][0]
        cfg = inside
    return DATASETS.build(cfg)


def _size(batch: dict) -> str:
    height, width = batch['inputs'][0].shape[-2:]
    return f'{height}x{width} (height x width)'
