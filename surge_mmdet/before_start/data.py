"""The lists that a training or a test reads, without reading them."""

import inspect
import os.path as osp
from collections.abc import Iterator

from mmdet.datasets import CocoDataset, VOCDataset, XMLDataset
from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS
from mmengine.config import Config

from ..datasets.checked import CheckedData
from ..datasets.inspection import kind_of, placed_leaves, where_to_look
from ..registry import DATASETS

# Of mmdet's own kinds those whose list is one file, which must be there.
ONE_FILE = (CocoDataset, VOCDataset, XMLDataset)
BACKENDS = ('backend_args', 'file_client_args')


def require_lists(cfg: Config, role: str) -> None:
    """Refuse annotations that are not where the config says, and no image at all.

    Args:
        cfg (Config): The config; its ``default_scope`` is the scope that is set.
        role (str): 'train', 'val' or 'test'.

    Raises:
        FileNotFoundError: The text shows the corrected line.
        ValueError: If ``indices`` leaves no image.
        TypeError: If a data set has no such option.
    """
    found = placed_leaves(cfg, role)
    for _, leaf in found:
        kind = kind_of(leaf)
        own = inspect.isclass(kind) and issubclass(kind, CheckedData)
        if (own or kind in ONE_FILE) and _is_local(leaf):
            plain = {key: value for key, value in leaf.items() if key != 'pipeline'}
            dataset = DATASETS.build({**plain, 'lazy_init': True})
            if not osp.isfile(dataset.ann_file):
                raise FileNotFoundError(where_to_look(dataset, cfg))
    if found and all(leaf.get('indices') == 0 for _, leaf in found):
        place = f'{found[0][0]}.indices'
        raise ValueError(
            f'{place}=0 leaves no image. Write {place}=None for all of them, or a number from 1.'
        )
    for place, evaluator in _placed_evaluators(cfg, role):
        file = evaluator.get('ann_file')
        if isinstance(file, str) and not osp.isfile(file):
            raise FileNotFoundError(
                f'{file} of {place} does not exist. Write --cfg-options {place}.ann_file=FILE'
            )


def _is_local(node: dict) -> bool:
    files = (node.get('data_root'), node.get('ann_file'))
    return not any(node.get(key) for key in BACKENDS) and '://' not in str(files)


def _placed_evaluators(cfg: Config, role: str) -> Iterator[tuple]:
    """(place, config) of each of mmdet's COCO metrics that reads a file of its own."""
    place = f'{role}_evaluator'
    given = cfg.get(place)
    placed = [(place, given)]
    if isinstance(given, (list, tuple)):
        placed = [(f'{place}.{number}', each) for number, each in enumerate(given)]
    for name, each in placed:
        if isinstance(each, dict) and _is_local(each):
            kind = each.get('type')
            kind = METRICS.get(kind) if isinstance(kind, str) else kind
            if kind is CocoMetric:
                yield name, each
