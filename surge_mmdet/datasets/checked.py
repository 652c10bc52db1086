"""Data sets that say what is wrong with a folder instead of failing late."""

import logging
import os
import os.path as osp
from collections import Counter
from collections.abc import Sequence
from typing import Optional

from mmdet.datasets import CocoDataset as _CocoDataset
from mmdet.datasets import VOCDataset as _VOCDataset
from mmdet.datasets import XMLDataset as _XMLDataset
from mmdet.datasets.api_wrappers import COCO
from mmengine.logging import print_log

from ..registry import DATASETS
from .class_order import (
    file_order,
    order_command,
    order_problem,
    plain_name,
    require_classes,
    spelling_line,
)
from .palette import with_palette
from .reading import line_problem, load_coco, read_list, read_voc, unusable

ROOTS = tuple(f'{role}_dataloader.dataset.data_root' for role in ('train', 'val', 'test'))


# Where our configs look, and the variable that names another folder.
DEFAULTS = {
    'data/VOCdevkit': 'VOC_ROOT',
    'data/coco': 'COCO_ROOT',
    'data/bccd/VOCdevkit': 'BCCD_ROOT',
    'data/demo_digits': 'DEMO_ROOT',
}
# Of VOC the data is nested, of COCO the evaluation reads the folder too.
NOT_BY_OPTIONS = ('VOC_ROOT', 'COCO_ROOT')


class CheckedData:
    """Mixin of detection data sets: checks folder, files and class names first.

    Raises:
        FileNotFoundError: If data_root does not lead to the annotations.
        TypeError: If ``classes`` is a string.
        ValueError: If an annotation cannot be used (the text names its file
            and field), no annotation has one of the configured classes, or
            one is spelt in another case.
    """

    @property
    def metainfo(self) -> dict:
        """As mmdet's, with a colour for every class."""
        return with_palette(super().metainfo)

    def load_data_list(self) -> list:
        """As mmdet's, between the two checks."""
        require_classes(self.metainfo.get('classes'), self.ann_file)
        if not osp.isfile(self.ann_file):
            raise FileNotFoundError(self.where_to_look())
        data = super().load_data_list()
        if self.is_annotated:
            if data and not any(item['instances'] for item in data):
                self._refuse_classes(self.class_names(data))
            self._warn_of_absent_classes(data)
            self._warn_of_ignored(data)
        return data

    @property
    def is_annotated(self) -> bool:
        """Whether objects can be expected; test lists of COCO have none."""
        return True

    def parse_data_info(self, raw: dict) -> dict:
        """As mmdet's; whatever goes wrong is said with file and entry."""
        try:
            return super().parse_data_info(raw)
        except Exception as error:  # anything that our own reader let pass
            raise self._unusable_entry(raw, error) from error

    def where_to_look(self, roots: Sequence[str] = ROOTS) -> str:
        """What is missing, and the corrected options.

        Args:
            roots (Sequence[str]): Those of the config that name this folder.
        """
        variable = self._variable()
        hint = not variable and type(self).__name__ != 'VOCLayoutDataset'
        options = ' '.join(['--cfg-options', *(f'{root}=<folder>/' for root in roots or ROOTS)])
        inside = osp.relpath(self.ann_file, self.data_root or '.')
        return (
            f'{self.ann_file} does not exist (data_root={self.data_root!r}). Write '
            + (f'export {variable}=<folder>/' if variable else options)
            + f' with the folder that contains {inside}'
            + f', or {options}' * bool(variable and variable not in NOT_BY_OPTIONS)
            + '.'
            + ' Configs of VOC and COCO take VOC_ROOT and COCO_ROOT instead.' * hint
            + ' The demo data is made by python tools/dataset_converters/make_demo_digits.py.'
            * (variable == 'DEMO_ROOT')
        )

    def _variable(self) -> Optional[str]:
        """The environment variable that the folder came from, or that may be set for it."""
        if not self.data_root:
            return None
        here = osp.normpath(self.data_root)
        for name, value in os.environ.items():
            if name.endswith('_ROOT') and osp.normpath(value) == here:
                return name
        return DEFAULTS.get(here)

    def _warn(self, text: str) -> None:
        print_log(f'{self.ann_file} {text}', 'current', level=logging.WARNING)

    def _warn_of_absent_classes(self, data: list) -> None:
        present = {box['bbox_label'] for item in data for box in item['instances']}
        absent = [
            name for label, name in enumerate(self.metainfo['classes']) if label not in present
        ]
        if absent and data:
            self._refuse_other_case(absent, self.class_names(data))
            self._warn(
                f'has no object of class {", ".join(absent)}: check the spelling in '
                'metainfo=dict(classes=...)'
            )

    def _warn_of_ignored(self, data: list) -> None:
        flags = [box['ignore_flag'] for item in data for box in item['instances']]
        if flags and all(flags):
            self._warn(
                f'has {len(flags)} objects and all are ignored (difficult, iscrowd, or below '
                'bbox_min_size): nothing can be learnt from them, nor AP be measured.'
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
        classes = tuple(self.metainfo['classes'])
        if set(names) & set(classes):
            raise ValueError(
                f'{self.ann_file}: mmdet leaves out every object. Each has an area or a side '
                'below 1, lies outside its image, or has ignore=1. Write bbox=[x, y, width, '
                'height] in pixels and area=width*height.'
            )
        raise ValueError(
            f'no object in {self.ann_file} has one of the classes {classes}; the annotations '
            f'have {dict(names)}. {spelling_line(names, classes, self.test_mode)}'
        )


class CheckedXML(CheckedData):
    """Lists and annotations in VOC layout."""

    def load_data_list(self) -> list:
        """As mmdet's, between the checks."""
        require_classes(self.metainfo.get('classes'), self.ann_file)
        if osp.isfile(self.ann_file):
            self._names = read_list(self.ann_file)
        return super().load_data_list()

    def xml_path(self, name: str) -> str:
        """Where mmdet looks for the annotation of an image of the list."""
        return osp.join(self.sub_data_root, self.ann_subdir, f'{name}.xml')

    def class_names(self, data: list) -> Counter:
        """How many objects of each class the XML files have, by name."""
        counts = Counter(obj.name for item in data for obj in read_voc(item['xml_path']).objects)
        return Counter(dict(sorted(counts.items())))

    def _unusable_entry(self, raw: dict, error: Exception) -> Exception:
        path, name = raw['xml_path'], raw['img_id']
        if not osp.isfile(path):
            line = self._names.index(name) + 1
            meant = line_problem(name, lambda other: osp.isfile(self.xml_path(other)))
            return FileNotFoundError(
                f'{self.ann_file}: line {line}: {meant or f"{path} does not exist"}'
            )
        problems = read_voc(path).problems
        return unusable(path, problems or [f'{type(error).__name__}: {error}'])


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

    A list without ``annotations`` is read in test mode, to predict for it.

    Raises:
        ValueError: If the classes are not in the order of the categories.
    """

    def COCOAPI(self, path: str) -> COCO:
        """Reads the file; its categories are gone after mmdet's loading."""
        coco = COCO()
        coco.dataset = load_coco(path)
        if 'annotations' not in coco.dataset and not self.test_mode:
            raise unusable(path, ['the file lacks annotations, and training needs them'])
        self._describe(coco.dataset)
        self._require_order([each['name'] for each in coco.dataset['categories']])
        coco.createIndex()
        # mmdet's COCO renames these two while it reads, before this index.
        coco.img_ann_map, coco.cat_img_map = coco.imgToAnns, coco.catToImgs
        return coco

    def _describe(self, content: dict) -> None:
        names = {each['id']: each['name'] for each in content['categories']}
        self._annotated = 'annotations' in content
        objects = Counter(each['category_id'] for each in content.get('annotations', []))
        self._objects = Counter({name: objects[key] for key, name in names.items() if objects[key]})

    @property
    def is_annotated(self) -> bool:
        return self._annotated

    def _require_order(self, categories: list) -> None:
        classes = self.metainfo['classes']
        problem = order_problem(categories, classes)
        if not problem:
            return
        line = f'run: {order_command(self.ann_file, classes)}'
        if not self.test_mode:
            line = (
                'if the files for train, val and test all have this order, write metainfo='
                f'dict(classes={file_order(categories, classes)}) in each data set; if not, {line}'
            )
        raise ValueError(f'{self.ann_file}: {problem}: {line}')

    def class_names(self, data: list) -> Counter:
        """How many objects of each class the file has, in the order of its categories."""
        return self._objects

    def _unusable_entry(self, raw: dict, error: Exception) -> Exception:
        image = raw['raw_img_info']
        return unusable(
            self.ann_file,
            [f'image {image["file_name"]!r} and its annotations: {type(error).__name__}: {error}'],
        )
