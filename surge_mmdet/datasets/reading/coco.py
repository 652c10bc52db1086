"""COCO annotations: what mmdet and the evaluation take from a JSON file."""

import json
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from .problems import decode, field_problem, unusable

# Numbers and texts both serve as ids, if all that refer to them agree.
Id = int | float | str
# Shuts out nan and inf, which Python writes into JSON.
Number = Annotated[float, Meta(ge=-1e15, le=1e15)]
Flag = bool | int | float | None
ILL_FORMED = (msgspec.DecodeError, RecursionError)


# gc=False: none of these can be part of a cycle, and COCO has 860,000.
class Image(Struct, gc=False):
    """One of ``images``; the size is in pixels."""

    id: Id
    file_name: str
    width: Number
    height: Number


class Annotation(Struct, gc=False):
    """One of ``annotations``; ``bbox`` is x, y, width, height in pixels."""

    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[Number, Number, Number, Number]
    area: Number
    iscrowd: Flag | UnsetType = UNSET
    ignore: Flag = None


class Category(Struct):
    """One of ``categories``."""

    id: Id
    name: str


class CocoFile(Struct):
    """The whole file; test lists have no ``annotations``."""

    images: list[Image]
    categories: list[Category]
    annotations: list[Annotation] | UnsetType = UNSET


class CocoReading(NamedTuple):
    """The usable entries of a file, and what is wrong with the others."""

    content: CocoFile
    problems: list


SHAPES = {dict: 'a mapping', str: 'a text', type(None): 'null'}
PARTS = {'images': Image, 'categories': Category, 'annotations': Annotation}
FEW = 4  # boxes beyond their image that prove nothing yet


def read_coco(path: str) -> CocoReading:
    """Read a file without stopping at the first mistake in it.

    Fields that mmdet does not use are skipped, which takes a fifth of the
    time of ``json.load`` on instances_train2017.json.
    """
    try:
        text = decode(Path(path).read_bytes(), path)
    except ValueError as error:
        return CocoReading(CocoFile([], []), [str(error).removeprefix(f'{path}: ')])
    try:
        content = msgspec.json.decode(text, type=CocoFile)
    except ILL_FORMED:
        return _sort_out(text)
    return CocoReading(content, _whole_problems(content))


def load_coco(path: str) -> dict:
    """Everything in a sound file, as ``json.load`` gives it.

    Raises:
        ValueError: If mmdet would fail on it or misread it.
    """
    text = decode(Path(path).read_bytes(), path)
    try:
        content = msgspec.json.decode(text)
    except ILL_FORMED:
        content, problems = _parse(text)
        if problems:
            raise unusable(path, problems)
    del text
    problems = _examine(content).problems
    if problems:
        raise unusable(path, problems)
    return content


def _parse(text: str) -> tuple:
    """By Python's reader, which knows NaN and half surrogates as mmdet does."""
    try:
        return json.loads(text), []
    except (ValueError, RecursionError) as error:
        return None, [f'no JSON: {error}']


def _sort_out(text: str) -> CocoReading:
    content, problems = _parse(text)
    return CocoReading(CocoFile([], []), problems) if problems else _examine(content)


def _examine(content: object) -> CocoReading:
    """Compare parsed JSON with the structure, entry by entry if need be."""
    try:
        sound, problems = msgspec.convert(content, CocoFile), []
    except msgspec.ValidationError:
        sound, problems = _entry_by_entry(content)
    return CocoReading(sound, problems + _whole_problems(sound))


def _entry_by_entry(content: object) -> tuple:
    sound, problems = CocoFile([], []), []
    if not isinstance(content, dict):
        return sound, ['the file is not a mapping with images, annotations and categories']
    for part, kind in PARTS.items():
        entries = content.get(part, UNSET)
        if isinstance(entries, list):
            setattr(sound, part, _usable(entries, kind, part, problems))
        elif entries is not UNSET:
            problems.append(f'{part} is {SHAPES.get(type(entries), "a number")}, not a list')
        elif part != 'annotations':
            problems.append(f'the file lacks {part}')
    return sound, problems


def _usable(entries: list, kind: type, part: str, problems: list) -> list:
    usable = []
    for index, entry in enumerate(entries):
        try:
            usable.append(msgspec.convert(entry, kind))
        except msgspec.ValidationError as error:
            problems.append(field_problem(error, entry, f'{part}[{index}]'))
    return usable


def _whole_problems(content: CocoFile) -> list:
    """What only the entries together show."""
    annotations = content.annotations or []
    names = [each.name for each in content.categories]
    return [
        *_corners(content.images, annotations),
        *_repeated([each.id for each in content.images], 'images', 'id'),
        *_repeated([each.id for each in content.categories], 'categories', 'id'),
        *_repeated(names, 'categories', 'name'),
        *_repeated([each.id for each in annotations], 'annotations', 'id'),
        *_of_another_type(annotations, 'image_id', content.images, 'images'),
        *_of_another_type(annotations, 'category_id', content.categories, 'categories'),
    ]


def _repeated(values: list, part: str, field: str) -> list:
    """mmdet would keep one of them, or stop in an assertion."""
    if len(set(values)) == len(values):
        return []
    first, problems = {}, []
    for index, value in enumerate(values):
        if first.setdefault(value, index) != index:
            problems.append(
                f'{part}[{index}].{field} is {value!r}, as that of {part}[{first[value]}] is'
            )
    return problems


def _of_another_type(annotations: list, field: str, targets: list, part: str) -> list:
    """'1' never finds 1, and mmdet would leave the object out in silence."""
    ids = {each.id for each in targets}
    strangers = {getattr(each, field) for each in annotations} - ids
    meant = {str(key): key for key in ids}
    strangers = {key for key in strangers if str(key) in meant}
    if not strangers:
        return []
    return [
        f'annotations[{index}].{field} is {value!r}, but the id in {part} is {meant[str(value)]!r}'
        for index, each in enumerate(annotations)
        if (value := getattr(each, field)) in strangers
    ]


def _corners(images: list, annotations: list) -> list:
    """Boxes that fit as [x1, y1, x2, y2] everywhere and mostly not as what COCO means.

    mmdet would read them as larger ones and clip most, in silence. Of a sound
    file the first boxes settle it.
    """
    sizes = {each.id: (each.width + 1, each.height + 1) for each in images}
    boxes = beyond = 0
    for each in annotations:
        if each.image_id in sizes:
            (x, y, right, low), (width, height) = each.bbox, sizes[each.image_id]
            if not (0 <= x < right <= width and 0 <= y < low <= height):
                return []
            boxes += 1
            beyond += x + right > width or y + low > height
    if beyond <= FEW or 2 * beyond < boxes:
        return []
    return [
        f'{beyond} of {boxes} boxes reach beyond their image, and all fit it as [x1, y1, x2, y2]. '
        'COCO has bbox=[x, y, width, height]: write [x1, y1, x2 - x1, y2 - y1]'
    ]
