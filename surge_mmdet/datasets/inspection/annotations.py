"""Reads annotations without stopping at the first mistake in them."""

import os.path as osp
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import UNSET

from ..reading import line_problem, read_coco, read_list, read_voc
from ..reading.coco import Annotation, CocoFile
from ..reading.voc import VocObject
from .repairs import repair_of
from .sources import Source


class Box(NamedTuple):
    """One object.

    ``corners`` are (x1, y1, x2, y2) in pixels from 0 as mmdet takes them,
    ``written`` are the numbers of the file; ``ignored`` says difficult or
    crowd, ``dropped`` is the code of why mmdet leaves it out for good.
    """

    name: str
    corners: tuple
    ignored: bool
    written: list
    dropped: str = ''


@dataclass
class Photo:
    """One image; ``size`` is (width, height) as the annotation has it."""

    name: str
    path: str
    size: tuple | None
    boxes: list


def read_annotations(source: Source) -> None:
    """Fill ``source.photos`` and note what is wrong with the files."""
    if not osp.isfile(source.data.ann_file):
        source.found.add('missing', repair_of(source, source.data.ann_file))
        return
    source.photos = (_read_voc if source.is_voc else _read_coco)(source)
    if not source.photos and not source.found:
        source.found.add('empty_list', source.name)


def _read_voc(source: Source) -> list:
    try:
        names = read_list(source.data.ann_file)
    except ValueError as error:
        source.found.add('broken_list', str(error))
        return []
    photos = []
    for number, name in enumerate(names, 1):
        with source.found.guard(f'{source.name}: line {number}, {name!r}'):
            photos += _voc_photo(source, number, name)
    for name, count in Counter(names).items():
        if count > 1 and name.strip():
            source.found.add('twice', name)
    return photos


def xml_path(source: Source, name: str) -> str:
    """Where mmdet looks for the annotation of an image of the list."""
    return osp.join(source.data.sub_data_root, source.data.ann_subdir, f'{name}.xml')


def _voc_photo(source: Source, number: int, name: str) -> list:
    """The photo in a list, or nothing and a finding."""
    path = xml_path(source, name)
    problem = line_problem(name, lambda other: osp.isfile(xml_path(source, other)))
    if problem:
        source.found.add('list_line', f'line {number}: {problem}')
        return []
    if not osp.isfile(path):
        source.found.add('no_xml', source.inside(path))
        return []
    size, objects, problems = read_voc(path)
    for each in problems:
        source.found.add('broken_xml', f'{source.inside(path)}: {each}')
    image = osp.join(source.image_folder, f'{name}.jpg')
    boxes = [_voc_box(each) for each in objects]
    return [] if problems else [Photo(name, image, size and (size.width, size.height), boxes)]


def _voc_box(each: VocObject) -> Box:
    corners = each.bndbox
    written = [corners.xmin, corners.ymin, corners.xmax, corners.ymax]
    # mmdet cuts off decimals and lets pixels count from 0.
    return Box(each.name, tuple(int(v) - 1 for v in written), bool(each.difficult), written)


def _read_coco(source: Source) -> list:
    content, problems = read_coco(source.data.ann_file)
    for each in problems:
        source.found.add('broken_json', f'{source.name}: {each}')
    if not problems:  # an entry left out would look like a category that lacks
        source.categories = tuple(each.name for each in content.categories)
    photos = {
        each.id: Photo(
            each.file_name,
            osp.join(source.image_folder, each.file_name),
            (each.width, each.height),
            [],
        )
        for each in content.images
    }
    if content.annotations is not UNSET:
        _add_boxes(source, content, photos, not problems)
    elif any(source.needs_objects(role) for role in source.roles) and not problems:
        source.found.add(
            'broken_json',
            f'{source.name}: the file lacks annotations. To predict without evaluation, write '
            "test_evaluator=dict(type='CocoMetric', format_only=True, outfile_prefix='results')",
        )
    return list(photos.values())


def _add_boxes(source: Source, content: CocoFile, photos: dict, is_whole: bool) -> None:
    """Boxes to their photos; what points at nothing is told if no entry was left out."""
    names = {each.id: each.name for each in content.categories}
    is_judged = bool(source.judged_by)
    for each in content.annotations:
        label = f'annotation {each.id}'
        if each.id == 0:
            source.found.add('id_zero', source.name)
        if each.image_id not in photos or each.category_id not in names:
            if is_whole:
                where = f'image {each.image_id}, category {each.category_id}'
                source.found.add('orphan', f'{label}: {where}')
            continue
        problem = _evaluation_problem(each) if is_judged else ''
        if problem:
            source.found.add('broken_json', f'{label}: {problem}')
        photos[each.image_id].boxes.append(_coco_box(each, names[each.category_id]))


def _evaluation_problem(each: Annotation) -> str:
    """What pycocotools needs beyond what reading does."""
    if each.iscrowd is UNSET or each.iscrowd is None:
        return 'lacks iscrowd'
    try:
        float(each.id)
    except ValueError:
        return 'its id is no number, which the evaluation needs'
    return ''


def _coco_box(each: Annotation, name: str) -> Box:
    x, y, w, h = each.bbox
    dropped = 'ignore' if each.ignore else 'area_zero' if each.area <= 0 else ''
    ignored = bool(each.iscrowd) and each.iscrowd is not UNSET
    return Box(name, (x, y, x + w, y + h), ignored, each.bbox, dropped)
