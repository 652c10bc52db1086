"""Which lists, annotations and images a config reads."""

import inspect
import os.path as osp
from dataclasses import dataclass, field

from mmdet.datasets import CocoDataset, XMLDataset
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope

from ...registry import DATASETS
from ..checked import CheckedData
from ..class_order import require_classes
from .findings import Findings

ROLES = ('train', 'val', 'test')


@dataclass
class Source:
    """One list of images that a config reads, and what it is read for.

    Attributes:
        data: mmdet's data set, not yet loaded.
        roles (list[str]): Of 'train', 'val' and 'test'.
        leaves (list[dict]): The data sets of the config that read it.
        photos (list[Photo]): What the annotations say, once read.
        categories (tuple[str]): Those of a COCO file, in its order, once read.
        found (Findings): What is wrong.
        used (dict): Images, boxes and ignored boxes that mmdet reads.
        evaluators (dict[str, list]): The evaluators' configs by role.
    """

    data: XMLDataset | CocoDataset
    roles: list = field(default_factory=list)
    leaves: list = field(default_factory=list)
    photos: list = field(default_factory=list)
    categories: tuple = ()
    found: Findings = field(default_factory=Findings)
    used: dict | None = None
    evaluators: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The annotation file, inside data_root."""
        return self.inside(self.data.ann_file)

    @property
    def classes(self) -> tuple:
        """Class names by label."""
        return tuple(self.data.metainfo['classes'])

    @property
    def is_voc(self) -> bool:
        return isinstance(self.data, XMLDataset)

    @property
    def image_folder(self) -> str:
        if self.is_voc:
            return osp.join(self.data.sub_data_root, self.data.img_subdir)
        return self.data.data_prefix.get('img', '')

    @property
    def judged_by(self) -> dict:
        """The evaluators' own annotation files, by evaluator."""
        return {
            f'{role}_evaluator': each['ann_file']
            for role, evaluators in self.evaluators.items()
            for each in evaluators
            if each.get('ann_file') and not each.get('format_only')
        }

    def needs_objects(self, role: str) -> bool:
        """Whether it is trained or evaluated on, not only predicted for."""
        evaluators = self.evaluators.get(role)
        only_formats = evaluators and all(each.get('format_only') for each in evaluators)
        return role in self.roles and not only_formats

    def inside(self, path: str) -> str:
        """``path`` as seen from data_root."""
        return osp.relpath(path, self.data.data_root or '.')


def sources_of(cfg: Config) -> list:
    """The lists that ``cfg`` reads, each once with all its roles.

    Raises:
        ValueError: If there is no data set, or one of another format or
            without classes.
        TypeError: If classes are no sequence of strings.
    """
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    found = {}
    for role in ROLES:
        loader = cfg.get(f'{role}_dataloader') or {}
        for leaf in leaves(loader.get('dataset')):
            data = _lazy(leaf)
            source = found.setdefault(_key(data), Source(data))
            source.leaves.append(leaf)
            if role not in source.roles:
                source.roles.append(role)
                source.evaluators[role] = evaluators_of(cfg, role)
    if not found:
        raise ValueError(
            'the config names no annotation file. Write train_dataloader='
            "dict(dataset=dict(type='surge_mmdet.CocoDataset', ann_file=...))"
        )
    return list(found.values())


def _key(data: XMLDataset | CocoDataset) -> tuple:
    """What makes two data sets read the same, apart from their pipelines."""
    return (
        type(data),
        data.ann_file,
        tuple(data.data_prefix.items()),
        tuple(data.metainfo['classes']),
        data.test_mode,
        repr(data.filter_cfg),
        repr(data._indices),
    )


def evaluators_of(cfg: Config, role: str) -> list:
    """The configs of a role's metrics.

    Those of a MultiDatasetsEvaluator are left out: each judges a part.
    """
    evaluators = cfg.get(f'{role}_evaluator') or []
    if isinstance(evaluators, dict):
        evaluators = [evaluators]
    return [each for each in evaluators if isinstance(each, dict) and 'metrics' not in each]


def leaves(node) -> list:
    """Data sets inside RepeatDataset, ConcatDataset and their like."""
    return [leaf for _, leaf in _placed(node, '')]


def placed_leaves(cfg: Config, role: str) -> list:
    """(place in the config, data set) of each data set of a role, inside all wrappers.

    Args:
        cfg (Config): The config.
        role (str): One of :data:`ROLES`; one without a loader, or with several, has none.
    """
    loader = cfg.get(f'{role}_dataloader')
    if not isinstance(loader, dict):
        return []
    return _placed(loader.get('dataset'), f'{role}_dataloader.dataset')


def _placed(node: object, place: str) -> list:
    if isinstance(node, (list, tuple)):
        return [leaf for i, each in enumerate(node) for leaf in _placed(each, f'{place}.{i}')]
    if not isinstance(node, dict):
        return []
    if 'ann_file' in node:
        return [(place, node)]
    inner = ('dataset', 'datasets')
    return [leaf for key in inner for leaf in _placed(node.get(key), f'{place}.{key}')]


def where_to_look(dataset: BaseDataset, cfg: Config) -> str:
    """What is missing of a data set, and the options of the config that name its folder."""
    placed = [each for role in ROLES for each in placed_leaves(cfg, role)]
    root = dataset.data_root
    options = [f'{place}.data_root' for place, leaf in placed if leaf.get('data_root') == root]
    if isinstance(dataset, CheckedData):
        return dataset.where_to_look(options)
    words = ' '.join(f'{option}=<folder>/' for option in options)
    return (
        f'{dataset.ann_file} does not exist (data_root={root!r}). Write --cfg-options '
        f'{words or "ann_file=FILE of the data set"}.'
    )


def _lazy(leaf: dict) -> XMLDataset | CocoDataset:
    kind = kind_of(leaf)
    if not (inspect.isclass(kind) and issubclass(kind, (XMLDataset, CocoDataset))):
        raise ValueError(
            f'{leaf.get("type")} is neither in VOC layout nor in COCO format. '
            "Write type='surge_mmdet.VOCLayoutDataset' or "
            "type='surge_mmdet.CocoDataset'."
        )
    plain = {key: value for key, value in leaf.items() if key != 'pipeline'}
    data = DATASETS.build({**plain, 'lazy_init': True})
    require_classes(data.metainfo.get('classes'), data.ann_file)
    # Serialised, a data set without any image cannot be loaded.
    data.serialize_data = False
    return data


def kind_of(leaf: dict) -> type | None:
    """The class of a data set's config; ``mmdet::`` bases bring their scope."""
    kind = leaf.get('type')
    if not isinstance(kind, str):
        return kind
    with DATASETS.switch_scope_and_registry(leaf.get('_scope_')) as registry:
        return registry.get(kind)
