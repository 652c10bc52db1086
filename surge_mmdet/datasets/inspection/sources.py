"""Which lists, annotations and images a config reads."""

import os.path as osp
from dataclasses import dataclass, field
from pathlib import Path

from mmdet.datasets import CocoDataset, XMLDataset
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ...registry import DATASETS
from .findings import Findings

ROLES = ('train', 'val', 'test')
# Published archives: what they bring, and the command that brings it there.
UNTAR = 'mkdir -p {1} && tar -xf {0} --strip-components=1 -C {1}'
UNZIP = 'unzip {0} -d {1}'
ARCHIVES = {
    'VOC2007/ImageSets/Main/trainval.txt': (UNTAR, 'VOCtrainval_06-Nov-2007.tar'),
    'VOC2007/ImageSets/Main/test.txt': (UNTAR, 'VOCtest_06-Nov-2007.tar'),
    'VOC2012/ImageSets/Main/trainval.txt': (UNTAR, 'VOCtrainval_11-May-2012.tar'),
    'annotations/instances_train2017.json': (UNZIP, 'annotations_trainval2017.zip'),
    'annotations/instances_val2017.json': (UNZIP, 'annotations_trainval2017.zip'),
    'train2017': (UNZIP, 'train2017.zip'),
    'val2017': (UNZIP, 'val2017.zip'),
}


@dataclass
class Source:
    """One list of images that a config reads, and what it is read for.

    Attributes:
        data: mmdet's data set, not yet loaded.
        roles (list[str]): Of 'train', 'val' and 'test'.
        photos (list[Photo]): What the annotations say, once read.
        found (Findings): What is wrong.
        used (dict): Images, boxes and ignored boxes that mmdet reads.
        judged_by (dict): The evaluators' own annotation files, by role.
    """

    data: XMLDataset | CocoDataset
    roles: list
    photos: list = field(default_factory=list)
    found: Findings = field(default_factory=Findings)
    used: dict | None = None
    judged_by: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The annotation file, inside data_root."""
        return self.inside(self.data.ann_file)

    @property
    def is_voc(self) -> bool:
        return isinstance(self.data, XMLDataset)

    @property
    def image_folder(self) -> str:
        if self.is_voc:
            return osp.join(self.data.sub_data_root, self.data.img_subdir)
        return self.data.data_prefix.get('img', '')

    def inside(self, path: str) -> str:
        """``path`` as seen from data_root."""
        return osp.relpath(path, self.data.data_root or '.')


def voc_config(folder: str, classes: tuple = ()) -> Config:
    """PASCAL VOC 2007+2012 in ``folder``, or own classes in its layout."""

    def part(year: str, split: str, **changes) -> dict:
        kind = 'VOCLayoutDataset' if classes else 'VOCDataset'
        meta = dict(metainfo=dict(classes=tuple(classes))) if classes else {}
        return dict(
            type=f'surge_mmdet.{kind}',
            data_root=folder,
            ann_file=f'{year}/ImageSets/Main/{split}.txt',
            data_prefix=dict(sub_data_root=f'{year}/'),
            **meta,
            **changes,
        )

    used = dict(filter_cfg=dict(filter_empty_gt=True, min_size=32))
    if classes:
        return _config([part('VOC2007', 'train', **used)], part('VOC2007', 'val', test_mode=True))
    return _config(
        [part(year, 'trainval', **used) for year in ('VOC2007', 'VOC2012')],
        part('VOC2007', 'test', test_mode=True),
    )


def coco_config(folder: str, classes: tuple = ()) -> Config:
    """COCO 2017 in ``folder``, or own classes in its format."""

    def part(split: str, **changes) -> dict:
        meta = dict(metainfo=dict(classes=tuple(classes))) if classes else {}
        return dict(
            type='surge_mmdet.CocoDataset',
            data_root=folder,
            ann_file=f'annotations/instances_{split}2017.json',
            data_prefix=dict(img=f'{split}2017/'),
            **meta,
            **changes,
        )

    return _config(
        [part('train', filter_cfg=dict(filter_empty_gt=True, min_size=32))],
        part('val', test_mode=True),
    )


def _config(train: list, test: dict) -> Config:
    return Config(
        dict(
            train_dataloader=dict(dataset=dict(datasets=train)),
            val_dataloader=dict(dataset=test),
            test_dataloader=dict(dataset=test),
        )
    )


def sources_of(cfg: Config) -> list:
    """The lists that ``cfg`` reads, each once with all its roles.

    Raises:
        ValueError: If there is no data set, or one of another format or
            without classes.
    """
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    found = {}
    for role in ROLES:
        loader = cfg.get(f'{role}_dataloader') or {}
        for leaf in _leaves(loader.get('dataset')):
            data = _lazy(leaf)
            key = (data.ann_file, tuple(data.data_prefix.items()))
            source = found.setdefault(key, Source(data, []))
            if role not in source.roles:
                source.roles.append(role)
                source.judged_by.update(_evaluator_files(cfg, role))
    if not found:
        raise ValueError(
            'the config names no annotation file. Write train_dataloader='
            "dict(dataset=dict(type='surge_mmdet.CocoDataset', ann_file=...))"
        )
    return list(found.values())


def _evaluator_files(cfg: Config, role: str) -> dict:
    evaluators = cfg.get(f'{role}_evaluator') or []
    if isinstance(evaluators, dict):
        evaluators = [evaluators]
    return {f'{role}_evaluator': each['ann_file'] for each in evaluators if each.get('ann_file')}


def _leaves(node) -> list:
    """Data sets inside RepeatDataset, ConcatDataset and their like."""
    if isinstance(node, (list, tuple)):
        return [leaf for item in node for leaf in _leaves(item)]
    if not isinstance(node, dict):
        return []
    if 'ann_file' in node:
        return [node]
    return _leaves(node.get('dataset')) + _leaves(node.get('datasets'))


def _lazy(leaf: dict):
    kind = DATASETS.get(leaf['type'])
    if kind is None or not issubclass(kind, (XMLDataset, CocoDataset)):
        raise ValueError(
            f'{leaf["type"]} is neither in VOC layout nor in COCO format. '
            "Write type='surge_mmdet.VOCLayoutDataset' or "
            "type='surge_mmdet.CocoDataset'."
        )
    data = kind(
        **{key: value for key, value in leaf.items() if key != 'type' and key != 'pipeline'},
        lazy_init=True,
    )
    if data.metainfo.get('classes') is None:
        raise ValueError(
            f"{data.ann_file}: which classes? Write metainfo=dict(classes=('cat', 'dog'))."
        )
    # Serialised, a data set without any image cannot be loaded.
    data.serialize_data = False
    return data


def repair_of(source: Source, path: str) -> str:
    """How to come by ``path``, which the config reads and nobody has."""
    root, name = source.data.data_root or '.', source.inside(path)
    for folder in _nearby(Path(root)):
        if (folder / name).exists():
            return f'{name}: it lies in {folder}. Give that folder instead'
    if name in ARCHIVES:
        command, archive = ARCHIVES[name]
        return f'{name}: run {command.format(archive, root)}'
    return f'{name}: expected in {root}'


def _nearby(root: Path) -> list:
    """Where people unpack it by mistake: one above, one or two below."""
    if not root.is_dir():
        return []
    return [
        root.resolve().parent,
        *sorted(p for pattern in ('*/', '*/*/') for p in root.glob(pattern)),
    ][:500]
