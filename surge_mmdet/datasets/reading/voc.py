"""VOC annotations: what mmdet takes from one XML file."""

import xml.etree.ElementTree as ET
from typing import NamedTuple

import msgspec
from msgspec import Struct

from .problems import field_problem

WHOLE, NUMBER = 'a whole number', 'a number'


class Whole(int):
    """A text that ``int`` takes, as mmdet's reader demands."""


class Pixel(float):
    """A text that ``int(float(text))`` takes: mmdet cuts off decimals."""


class Size(Struct):
    """<size>"""

    width: Whole
    height: Whole


class Corners(Struct):
    """<bndbox>; pixels count from 1."""

    xmin: Pixel
    ymin: Pixel
    xmax: Pixel
    ymax: Pixel


class VocObject(Struct):
    """<object>"""

    name: str
    bndbox: Corners
    difficult: Whole | None = None


class VocReading(NamedTuple):
    """One file; without problems, ``objects`` are all there are."""

    size: Size | None
    objects: list
    problems: list


def read_voc(path: str) -> VocReading:
    """Read an XML file, and name every field that mmdet could not use.

    Raises:
        OSError: If there is no such file, or it cannot be opened.
    """
    with open(path, 'rb') as file:
        try:
            root = ET.parse(file).getroot()
        except (ET.ParseError, ValueError, LookupError) as error:
            return VocReading(None, [], [f'no XML: {error}'])
    problems = []
    node = root.find('size')
    size = None if node is None else _convert(_leaves(node), Size, 'size', problems)
    objects = [
        _convert(_fields(node), VocObject, f'object[{index}]', problems)
        for index, node in enumerate(root.findall('object'))
    ]
    return VocReading(size, [each for each in objects if each is not None], problems)


def _convert(fields: dict, kind: type, place: str, problems: list):
    try:
        return msgspec.convert(fields, kind, dec_hook=_number)
    except msgspec.ValidationError as error:
        problems.append(field_problem(error, fields, place))
    return None


def _number(kind: type, text: str):
    # The sentence follows 'Expected', as msgspec's own complaints do.
    if kind is Whole:
        try:
            return Whole(text)
        except (TypeError, ValueError):
            raise ValueError(f'Expected `{WHOLE}`')
    try:
        value = Pixel(text)
        int(value)  # neither nan nor inf
        return value
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f'Expected `{NUMBER}`')


def _leaves(node: ET.Element) -> dict:
    """Text by tag; of several with one tag the first, as ``find`` takes it."""
    texts = {}
    for child in node:
        texts.setdefault(child.tag, child.text or '')
    return texts


def _fields(node: ET.Element) -> dict:
    corners = node.find('bndbox')
    fields = _leaves(node)
    return fields if corners is None else {**fields, 'bndbox': _leaves(corners)}
