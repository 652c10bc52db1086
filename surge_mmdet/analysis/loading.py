"""The one place where an analysis reads configs, and builds models and data."""

import random
import threading
from pathlib import Path
from traceback import extract_tb
from typing import Optional

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from ..errors import near, nearest
from ..overrides import merge_options, read_config

EXAMPLE = 'configs/faster_rcnn/faster-rcnn_r18_fpn_surge_4x3e_voc0712.py'
MMDET_EXAMPLE = 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'
WORK_DIR = 'work_dirs/quickstart'
_PARSER = threading.Lock()  # before CPython 3.12 two threads that parse code can fail: SystemError


def require_config(path: str) -> None:
    """Raise FileNotFoundError with the nearest config unless ``path`` is one."""
    if '::' in str(path) or (Path(path).is_file() and Path(path).suffix == '.py'):
        return
    raise FileNotFoundError(f'{path} is not a config file. Write {_meant(Path(path))}')


def _meant(path: Path) -> str:
    """The shortest config whose name has all of this one in it; else the nearest by name,
    one that lies beside it before those that come with the package."""
    configs = [each for each in Path('configs').rglob('*.py') if '_base_' not in each.parts]
    longer = [each for each in configs if len(path.stem) > 3 and path.stem in each.stem]
    if longer:
        return str(min(longer, key=lambda each: len(each.name)))
    stems = {each.stem: str(each) for each in configs}
    return near_file(path, 0.8) or stems.get(near(path.stem, stems), EXAMPLE)


def near_file(path: Path, cutoff: float) -> Optional[str]:
    """The Python file of a like name in the same folder, None if there is none."""
    stems = {each.stem: str(each) for each in path.parent.glob('*.py')}
    return stems.get(near(path.stem, stems, cutoff))


def load_config(path: str, options: Optional[dict] = None):
    """The config at ``path``, or one of mmdet as ``mmdet::folder/name.py``.

    Args:
        path (str): A config file, or ``mmdet::`` and one that mmdet ships.
        options (dict | None): Overrides, as ``--cfg-options``.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If it, or a file that it is based on, is no Python, or takes a value from
            a variable of the environment that has none.
    """
    from mmengine.config import Config

    require_config(path)
    with _PARSER:
        if '::' not in str(path):
            try:
                cfg = read_config(path)
            except (SyntaxError, NameError, TypeError, ImportError) as error:
                raise ValueError(f'{path}: {_where(error, path)}') from error
        else:
            try:  # as a _base_, which MMEngine looks up in mmdet
                cfg = Config.fromstring(f'_base_ = {path!r}', '.py')
            except FileNotFoundError as error:
                raise FileNotFoundError(
                    f'{error}. Write mmdet:: and a config that mmdet ships: {MMDET_EXAMPLE}'
                ) from error
    merge_options(cfg, options or {})
    return cfg


def _where(error: Exception, path: str) -> str:
    """Which line of a config cannot be read, and why; MMEngine reads a copy of it."""
    what = f'{type(error).__name__}: {getattr(error, "msg", None) or error}'
    if isinstance(error, SyntaxError):
        try:
            compile(Path(path).read_text(), path, 'exec')
        except SyntaxError as own:
            return f'line {own.lineno}: {what}. Mend {(own.text or "").strip()!r}.'
        return f'a file of its _base_ cannot be read: {what}'
    file = str(Path(path).absolute())
    lines = [each.lineno for each in extract_tb(error.__traceback__) if each.filename == file]
    return f'line {lines[-1]}: {what}' if lines else what


def trained_config(work_dir):
    """The config that a training has left in its ``work_dir``.

    Raises:
        FileNotFoundError: If it is not the folder of a training.
    """
    configs = sorted(Path(work_dir).glob('*.py'))
    if not configs:
        here = Path(work_dir)
        near = [
            str(found.parent) for place in (here, here.parent) for found in place.glob('*/*.py')
        ]
        raise FileNotFoundError(
            f'{work_dir} has no config: it is not the --work-dir of a training. Write '
            f'{nearest(work_dir, near or [WORK_DIR])}'
        )
    return load_config(str(configs[-1]))


def build_model(cfg, path: str) -> nn.Module:
    """The model of a config, in the scope that the config asks for.

    Raises:
        ValueError: If it cannot be built; ``path`` is named.
    """
    from mmdet.registry import MODELS
    from mmengine.registry import init_default_scope

    init_default_scope(cfg.get('default_scope', 'mmdet'))
    try:
        return MODELS.build(cfg.model)
    except Exception as error:
        raise ValueError(f'{path}: the model cannot be built: {error}') from error


def build_detector(cfg, path: str, line: str) -> nn.Module:
    """The model of a config, which has to be a detector.

    Args:
        cfg (Config): The config.
        path (str): Its file.
        line (str): A command that works, for the error.

    Raises:
        ValueError: If it cannot be built or is no detector.
    """
    from mmdet.models.detectors.base import BaseDetector

    model = build_model(cfg, path)
    if not isinstance(model, BaseDetector):
        raise ValueError(f'{path}: {type(model).__name__} is no detector. Write {line}')
    return model


def pipeline_shape(cfg, path: str, line: str) -> tuple:
    """(height, width) in pixels that the config's test pipeline resizes to.

    Args:
        cfg (Config | dict): The config.
        path (str): Its file.
        line (str): What to write instead, for the error.

    Raises:
        ValueError: If the pipeline has no scale (width, height).
    """
    data = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    scale = next((step['scale'] for step in data.get('pipeline', ()) if 'scale' in step), None)
    sides = scale if isinstance(scale, (tuple, list)) else ()
    if len(sides) != 2 or not all(isinstance(side, int) for side in sides):
        raise ValueError(f'{path} has no test pipeline with a scale (width, height). Write {line}')
    # A pair with keep_ratio bounds the long and the short side.
    return tuple(reversed(sides))


def seed_all(seed: int) -> None:
    """Let whatever draws at random next draw the same each time."""
    for seeded in (random.seed, np.random.seed, torch.manual_seed):
        seeded(seed)


def training_batches(cfg, batch_size: Optional[int] = None) -> DataLoader:
    """The config's training data, loaded in this process and shuffled by seed 0.

    Augmentations draw from this process's generators: :func:`seed_all` first.

    Args:
        cfg (Config): The config; its data loader is changed.
        batch_size (int | None): Images per batch; None for the config's.
    """
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner

    init_default_scope(cfg.get('default_scope', 'mmdet'))
    loader = cfg.train_dataloader
    loader.pop('worker_init_fn', None)
    loader.update(num_workers=0, persistent_workers=False)
    if batch_size:
        loader.batch_size = batch_size
    return Runner.build_dataloader(loader, seed=0)
