"""Reads annotations without stopping at the first mistake in them."""

import json
import os.path as osp
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from ..checked import category_order
from .sources import Source, repair_of

CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


class Box(NamedTuple):
    """One object.

    ``corners`` are (x1, y1, x2, y2) in pixels from 0 as mmdet takes them,
    ``written`` are the numbers of the file; ``ignored`` says difficult or
    crowd.
    """

    name: str
    corners: tuple
    ignored: bool
    written: list


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
    with open(source.data.ann_file, encoding='utf-8') as file:
        names = [line.rstrip('\n\r') for line in file]
    photos = []
    for name in names:
        if len(name.split()) != 1 or name != name.strip():
            source.found.add('list_line', repr(name))
            continue
        photo = _read_xml(source, name)
        if photo:
            photos.append(photo)
    for name, count in Counter(names).items():
        if count > 1 and name.strip():
            source.found.add('twice', name)
    return photos


def _read_xml(source: Source, name: str) -> Photo | None:
    data = source.data
    path = osp.join(data.sub_data_root, data.ann_subdir, f'{name}.xml')
    image = osp.join(source.image_folder, f'{name}.jpg')
    try:
        root = ET.parse(path).getroot()
        size = root.find('size')
        if size is not None:
            size = tuple(_number(size, key, int) for key in ('width', 'height'))
        boxes = [_voc_box(obj) for obj in root.findall('object')]
    except FileNotFoundError:
        source.found.add('no_xml', source.inside(path))
    except (ET.ParseError, UnicodeDecodeError, ValueError) as error:
        source.found.add('broken_xml', f'{source.inside(path)}: {error}')
    else:
        return Photo(name, image, size, boxes)
    return None


def _voc_box(obj: ET.Element) -> Box:
    name = obj.findtext('name')
    corners = obj.find('bndbox')
    if name is None or corners is None:
        raise ValueError('an <object> without <name> or <bndbox>')
    written = [_number(corners, key, float) for key in CORNERS]
    difficult = obj.find('difficult') is not None and _number(obj, 'difficult', int) != 0
    # mmdet cuts off decimals and lets pixels count from 0.
    return Box(name, tuple(int(v) - 1 for v in written), difficult, written)


def _number(node: ET.Element, key: str, kind: type):
    text = node.findtext(key)
    try:
        return kind(text)
    except (TypeError, ValueError):
        wanted = 'a whole number' if kind is int else 'a number'
        raise ValueError(f'<{key}> in <{node.tag}> is {text!r}, not {wanted}')


def _read_coco(source: Source) -> list:
    try:
        with open(source.data.ann_file, encoding='utf-8') as file:
            content = json.load(file)
        parts = [content[key] for key in ('images', 'annotations', 'categories')]
    except (ValueError, KeyError, TypeError) as error:
        source.found.add('broken_json', f'{source.name}: {error!r}')
        return []
    images, annotations, categories = parts
    names = {cat['id']: cat['name'] for cat in categories}
    line = category_order(names.values(), source.data.metainfo['classes'])
    if line:
        source.found.add('class_order', line)
    photos = _coco_photos(source, images)
    _check_ids(source, annotations)
    for each in annotations:
        _add_coco_box(source, each, photos, names)
    return list(photos.values())


def _coco_photos(source: Source, images: list) -> dict:
    photos = {}
    for image in images:
        lacking = {'id', 'file_name', 'width', 'height'} - set(image)
        if lacking or image['id'] in photos:
            why = f'lacks {", ".join(sorted(lacking))}' if lacking else 'id is used twice'
            source.found.add('broken_json', f'image {image.get("file_name", image)}: {why}')
            continue
        name = image['file_name']
        photos[image['id']] = Photo(
            name, osp.join(source.image_folder, name), (image['width'], image['height']), []
        )
    return photos


def _check_ids(source: Source, annotations: list) -> None:
    ids = Counter(each.get('id') for each in annotations)
    for key, count in ids.items():
        if count > 1:
            source.found.add('broken_json', f'annotation id {key} is used {count} times')
    if 0 in ids:
        source.found.add('id_zero', source.name)


def _add_coco_box(source: Source, each: dict, photos: dict, names: dict) -> None:
    # The evaluation needs iscrowd, reading alone does not.
    wanted = {'id', 'image_id', 'category_id', 'bbox', 'area'}
    if source.data.test_mode:
        wanted.add('iscrowd')
    lacking = sorted(wanted - set(each))
    label = f'annotation {each.get("id")}'
    if lacking:
        source.found.add('broken_json', f'{label}: lacks {", ".join(lacking)}')
    elif len(each['bbox']) != 4:
        source.found.add(
            'broken_json', f'{label}: bbox is {each["bbox"]}, not [x, y, width, height]'
        )
    elif each['image_id'] not in photos or each['category_id'] not in names:
        source.found.add(
            'orphan', f'{label}: image {each["image_id"]}, category {each["category_id"]}'
        )
    else:
        x, y, w, h = each['bbox']
        # mmdet also drops what has area 0 whatever its width is.
        corners = (x, y, x + w, y + h) if each['area'] > 0 else (x, y, x, y)
        photos[each['image_id']].boxes.append(
            Box(names[each['category_id']], corners, bool(each.get('iscrowd')), each['bbox'])
        )
