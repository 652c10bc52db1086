"""Data sets that say what is wrong with a folder instead of failing late."""

import json
import logging
import os.path as osp
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable

from mmdet.datasets import CocoDataset as _CocoDataset
from mmdet.datasets import VOCDataset as _VOCDataset
from mmdet.datasets import XMLDataset as _XMLDataset
from mmdet.datasets.api_wrappers import COCO
from mmengine.logging import print_log

from ..registry import DATASETS
from .palette import with_palette

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def category_order(categories: Iterable, classes: tuple) -> str:
    """What to write if label i would not be class i, else ''.

    mmdet gives label i to the i-th of those categories of the JSON file that
    are among the classes. A class that the file lacks shifts all behind it,
    and detections of the last ones cannot be evaluated.
    """
    order = tuple(name for name in categories if name in classes)
    if not order or order == tuple(classes):
        return ''
    lacking = [name for name in classes if name not in order]
    if lacking:
        return (
            f'the file has no category {", ".join(map(repr, lacking))}. '
            f'Write metainfo=dict(classes={order}), or add it to the '
            "file's categories where the classes have it."
        )
    return (
        'the categories are in another order than the classes. Write '
        f'metainfo=dict(classes={order}).'
    )


def plain_name(name: str) -> str:
    """A class name without what is easily mistyped."""
    return ''.join(c for c in name.casefold() if c.isalnum())


class CheckedData:
    """Mixin of detection data sets: checks folder and class names first.

    Raises:
        FileNotFoundError: If data_root does not lead to the annotations.
        TypeError: If ``classes`` is a string.
        ValueError: If no annotation has one of the configured classes, or
            one is spelt in another case.
    """

    @property
    def metainfo(self) -> dict:
        """As mmdet's, with a colour for every class."""
        return with_palette(super().metainfo)

    def load_data_list(self) -> list:
        """As mmdet's, between the two checks."""
        classes = self.metainfo.get('classes')
        if isinstance(classes, str):
            raise TypeError(
                f'classes={classes!r} is a string. Write '
                f'metainfo=dict(classes=({classes!r}, )): one '
                'class needs the comma.'
            )
        if not osp.isfile(self.ann_file):
            options = ' '.join(f'{name}.dataset.data_root=<folder>' for name in LOADERS)
            raise FileNotFoundError(
                f'{self.ann_file} does not exist (data_root='
                f'{self.data_root!r}). Write --cfg-options {options} with '
                'the folder that contains '
                f'{osp.relpath(self.ann_file, self.data_root or ".")}. '
                'For PASCAL VOC set the environment variable VOC_ROOT '
                'instead, for COCO configs COCO_ROOT: their data is nested, '
                'and the evaluation reads it too.'
            )
        data = super().load_data_list()
        if data and not any(item['instances'] for item in data):
            self._refuse_classes(self.class_names(data))
        self._warn_of_absent_classes(data)
        return data

    def _warn_of_absent_classes(self, data: list) -> None:
        present = {box['bbox_label'] for item in data for box in item['instances']}
        absent = [
            name for label, name in enumerate(self.metainfo['classes']) if label not in present
        ]
        if absent and data:
            self._refuse_other_case(absent, self.class_names(data))
            print_log(
                f'{self.ann_file} has no object of class '
                f'{", ".join(absent)}: check the spelling in '
                'metainfo=dict(classes=...)',
                'current',
                level=logging.WARNING,
            )

    def _refuse_other_case(self, absent: list, names: Counter) -> None:
        """A class that differs in case or blanks would never be learnt."""
        classes = tuple(self.metainfo['classes'])
        unused = {plain_name(n): n for n in names if n not in classes}
        meant = {name: unused[plain_name(name)] for name in absent if plain_name(name) in unused}
        if meant:
            right = tuple(meant.get(name, name) for name in classes)
            raise ValueError(
                f'{self.ann_file} has no object of class '
                f'{", ".join(map(repr, meant))}, but of '
                f'{", ".join(map(repr, meant.values()))}. Write '
                f'metainfo=dict(classes={right}).'
            )

    def _refuse_classes(self, names: Counter) -> None:
        if not names:
            print_log(f'{self.ann_file}: no image has any object', 'current')
            return
        raise ValueError(
            f'no object in {self.ann_file} has one of the classes '
            f'{tuple(self.metainfo["classes"])}; the annotations have '
            f'{dict(names)}. Write '
            f'metainfo=dict(classes={tuple(sorted(names))}).'
        )


class CheckedXML(CheckedData):
    """Class names of VOC annotations."""

    def load_data_list(self) -> list:
        """As mmdet's, between the checks."""
        if self.metainfo.get('classes') is None:
            raise ValueError(
                f"{self.ann_file}: which classes? Write metainfo=dict(classes=('cat', 'dog'))."
            )
        return super().load_data_list()

    def class_names(self, data: list) -> Counter:
        """How many objects of each class the XML files have."""
        return Counter(
            obj.findtext('name')
            for item in data
            for obj in ET.parse(item['xml_path']).iter('object')
        )


@DATASETS.register_module()
class VOCLayoutDataset(CheckedXML, _XMLDataset):
    """Your own classes in the folder layout of PASCAL VOC.

    Args:
        metainfo (dict): ``dict(classes=('cat', 'dog'))``.
        **kwargs: As mmdet's ``XMLDataset``.
    """


@DATASETS.register_module()
class VOCDataset(CheckedXML, _VOCDataset):
    """PASCAL VOC 2007 or 2012, as mmdet's ``VOCDataset``."""


@DATASETS.register_module()
class CocoDataset(CheckedData, _CocoDataset):
    """COCO, or your own classes in its format, as mmdet's ``CocoDataset``.

    Raises:
        ValueError: If the classes are not in the order of the categories.
    """

    def COCOAPI(self, path: str) -> COCO:
        """Reads the file; its categories are gone after mmdet's loading."""
        coco = COCO(path)
        self.categories = [each['name'] for each in coco.dataset['categories']]
        return coco

    def load_data_list(self) -> list:
        """As mmdet's, between the checks."""
        data = super().load_data_list()
        line = category_order(self.categories, self.metainfo['classes'])
        if line:
            raise ValueError(f'{self.ann_file}: {line}')
        return data

    def class_names(self, data: list) -> Counter:
        """How many objects of each class the JSON file has."""
        with open(self.ann_file) as file:
            content = json.load(file)
        names = {c['id']: c['name'] for c in content['categories']}
        return Counter(
            names[a['category_id']] for a in content['annotations'] if a['category_id'] in names
        )
