"""What a training or a test would miss after minutes, asked for before it starts."""

import contextlib
import inspect
import os.path as osp

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope

from ...registry import DATASETS
from ..class_order import head_problem
from .classes import class_counts
from .sources import evaluators_of, kind_of, leaves


def require_files(cfg: Config, roles: tuple) -> None:
    """Refuse data whose annotations or images are not where the config says.

    Data sets of other packages that are not MMEngine's kind, and files on other
    backends (``s3://``), are left to the run.

    Args:
        cfg (Config): The config.
        roles (tuple[str]): Of 'train', 'val' and 'test'; one without data is passed over.

    Raises:
        FileNotFoundError: The text shows the corrected line.
        ValueError: If ``indices`` leaves no image.
    """
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    for role in roles:
        for dataset in _datasets(cfg, role):
            if not _is_there(dataset.ann_file, osp.isfile):
                raise FileNotFoundError(_where_to_look(dataset))
            for folder in dataset.data_prefix.values():
                if not _is_there(folder, osp.isdir):
                    raise FileNotFoundError(
                        f'{role}: there is no folder {folder}. Correct data_root or data_prefix '
                        f'of {role}_dataloader.dataset.'
                    )
            if dataset._indices in (0, [], ()):
                raise ValueError(
                    f'{role}: indices={dataset._indices} leaves no image. Write indices=None for '
                    'all of them, or a number from 1.'
                )
        for evaluator in evaluators_of(cfg, role):
            if not _is_there(evaluator.get('ann_file'), osp.isfile):
                raise FileNotFoundError(
                    f'{role}_evaluator: {evaluator["ann_file"]} does not exist. Write '
                    f'--cfg-options {role}_evaluator.ann_file=FILE'
                )


def require_heads(cfg: Config, role: str) -> None:
    """Refuse heads that count other classes than the data of a role have.

    Args:
        cfg (Config): The config.
        role (str): 'train', or 'test' for a test.

    Raises:
        ValueError: The text shows the corrected option.
    """
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    for dataset in _datasets(cfg, role):
        classes = dataset.metainfo.get('classes')
        for name, count in class_counts(cfg.get('model')) if classes else ():
            problem = head_problem(name, count, tuple(classes))
            if problem:
                raise ValueError(problem)


def _datasets(cfg: Config, role: str) -> list:
    """The data sets of a role, not loaded."""
    found = []
    for leaf in leaves((cfg.get(f'{role}_dataloader') or {}).get('dataset')):
        kind = kind_of(leaf)
        if not (inspect.isclass(kind) and issubclass(kind, BaseDataset)):
            continue
        plain = {key: value for key, value in leaf.items() if key != 'pipeline'}
        with contextlib.suppress(TypeError):  # one of another package may take no lazy_init
            found.append(DATASETS.build({**plain, 'lazy_init': True}))
    return found


def _is_there(path: object, exists) -> bool:
    return not path or '://' in str(path) or exists(path)


def _where_to_look(dataset: BaseDataset) -> str:
    told = getattr(dataset, 'where_to_look', None)
    if told:
        return told()
    return (
        f'{dataset.ann_file} does not exist. Write --cfg-options '
        'train_dataloader.dataset.data_root=FOLDER val_dataloader.dataset.data_root=FOLDER'
    )
