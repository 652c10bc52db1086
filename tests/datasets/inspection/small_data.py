"""A sound VOC folder and a sound COCO folder, to be broken by tests."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from PIL import Image

from surge_mmdet.datasets.inspection import (
    coco_config,
    inspect,
    sources_of,
    voc_config,
)

CLASSES = ('cat', 'dog')
WIDTH, HEIGHT = 100, 80
LISTS = {'train': ('a', 'b'), 'val': ('c',)}
BOXES = [('cat', 10, 10, 50, 60), ('dog', 30, 20, 100, 80)]


def write_image(path: Path, size: tuple = (WIDTH, HEIGHT), **options) -> None:
    noise = Image.effect_noise(size, 80)
    noise.save(path, **options)


def write_xml(path: Path, boxes: list = BOXES, **fields) -> None:
    """VOC annotation; ``fields`` go into every object or into <size>."""
    size = {key: fields.pop(key, value) for key, value in (('width', WIDTH), ('height', HEIGHT))}
    root = ET.Element('annotation')
    node = ET.SubElement(root, 'size')
    for key, value in size.items():
        ET.SubElement(node, key).text = str(value)
    for name, *corners in boxes:
        obj = ET.SubElement(root, 'object')
        for key, value in {'name': name, **fields}.items():
            ET.SubElement(obj, key).text = str(value)
        box = ET.SubElement(obj, 'bndbox')
        for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), corners, strict=True):
            ET.SubElement(box, key).text = str(value)
    ET.ElementTree(root).write(path)


def write_voc(root: Path, year: str = 'VOC2007', lists: dict = LISTS) -> Path:
    """``root`` with one year's folder; returns that folder."""
    base = root / year
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (base / folder).mkdir(parents=True)
    for split, names in lists.items():
        write_list(base, split, names)
        for name in names:
            write_image(base / f'JPEGImages/{name}.jpg')
            write_xml(base / f'Annotations/{name}.xml')
    return base


def write_list(base: Path, split: str, names) -> None:
    (base / f'ImageSets/Main/{split}.txt').write_text(''.join(f'{name}\n' for name in names))


def coco_content(names: tuple) -> dict:
    """A cat, a crowd of dogs and a dog on each image."""
    boxes = [
        dict(
            id=3 * i + j + 1,
            image_id=i,
            category_id=min(j, 1) + 1,
            iscrowd=int(j == 1),
            bbox=[10, 10, 40, 50],
            area=2000,
        )
        for i in range(len(names))
        for j in range(3)
    ]
    return dict(
        images=[
            dict(id=i, file_name=f'{name}.jpg', width=WIDTH, height=HEIGHT)
            for i, name in enumerate(names)
        ],
        annotations=boxes,
        categories=[dict(id=i, name=n) for i, n in enumerate(CLASSES, 1)],
    )


def write_coco(root: Path) -> Path:
    (root / 'annotations').mkdir(parents=True)
    for split, names in LISTS.items():
        (root / f'{split}2017').mkdir()
        for name in names:
            write_image(root / f'{split}2017/{name}.jpg')
        edit_coco(root, split, lambda content: None, coco_content(names))
    return root


def edit_coco(root: Path, split: str, change, content=None) -> None:
    """Apply ``change`` to the JSON content of ``split``."""
    path = root / f'annotations/instances_{split}2017.json'
    content = content or json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def check_voc(root: Path, classes: tuple = CLASSES, **options) -> tuple:
    sources = sources_of(voc_config(f'{root}/', classes))
    return sources, inspect(sources, **options)


def check_coco(root: Path, classes: tuple = CLASSES, **options) -> tuple:
    sources = sources_of(coco_config(f'{root}/', classes))
    return sources, inspect(sources, **options)
