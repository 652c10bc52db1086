"""Shared by all tests: tiny data sets, mmdet's own tools, real data."""
import json
import os
import runpy
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

ROOT = Path(__file__).parents[1]
SIZE = (96, 64)  # width, height


def write_voc(root: Path, classes: tuple, images: int = 2) -> Path:
    """A tiny VOC2007 + VOC2012 folder with two 40x40 boxes per image."""
    import cv2
    rng = np.random.default_rng(0)
    for year in ('VOC2007', 'VOC2012'):
        base = root / year
        for sub in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
            (base / sub).mkdir(parents=True)
        names = [f'{year}_{i}' for i in range(images)]
        for split in ('train', 'val', 'test', 'trainval'):
            (base / f'ImageSets/Main/{split}.txt').write_text(
                '\n'.join(names))
        for i, name in enumerate(names):
            image = rng.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
            cv2.imwrite(str(base / f'JPEGImages/{name}.jpg'), image)
            node = ET.Element('annotation')
            size = ET.SubElement(node, 'size')
            for key, value in zip(('width', 'height', 'depth'), (*SIZE, 3),
                                  strict=True):
                ET.SubElement(size, key).text = str(value)
            for j, x in enumerate((5, 50)):
                obj = ET.SubElement(node, 'object')
                ET.SubElement(obj, 'name').text = classes[(i + j) %
                                                          len(classes)]
                box = ET.SubElement(obj, 'bndbox')
                for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'),
                                      (x, 10, x + 40, 50), strict=True):
                    ET.SubElement(box, key).text = str(value)
            ET.ElementTree(node).write(base / f'Annotations/{name}.xml')
    return root


def write_coco(root: Path, classes: tuple, images: int = 2) -> Path:
    """The same images again as COCO JSON, for train and val."""
    records, boxes = [], []
    for i in range(images):
        records.append(dict(id=i, file_name=f'VOC2007_{i}.jpg',
                            width=SIZE[0], height=SIZE[1]))
        for j, x in enumerate((5, 50)):
            boxes.append(dict(id=len(boxes) + 1, image_id=i, iscrowd=0,
                              category_id=(i + j) % len(classes) + 1,
                              bbox=[x, 10, 40, 40], area=1600))
    cats = [dict(id=i, name=n) for i, n in enumerate(classes, 1)]
    (root / 'annotations').mkdir()
    for split in ('train', 'val'):
        (root / f'annotations/instances_{split}.json').write_text(
            json.dumps(dict(images=records, annotations=boxes,
                            categories=cats)))
    return root


def shrink(node, root: Path):
    """Point every data set of a config at ``root``, in tiny input."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == 'data_root':
                node[key] = f'{root}/'
            elif key == 'scale' and isinstance(value, tuple):
                node[key] = SIZE
            elif key == 'num_workers':
                node[key] = 0
            elif key in ('persistent_workers', 'drop_last'):
                node[key] = False
            elif key == 'times':
                node[key] = 1
            else:
                shrink(value, root)
        node.pop('worker_init_fn', None)
    elif isinstance(node, (list, tuple)):
        for value in node:
            shrink(value, root)


def find_classes(cfg) -> tuple:
    """Classes of a config's training data."""
    from mmdet.datasets import VOCDataset
    data = cfg.val_dataloader.dataset
    metainfo = data.get('metainfo') or VOCDataset.METAINFO
    return tuple(metainfo['classes'])


def tiny_config(path: Path, folder: Path) -> Path:
    """The config at ``path`` on tiny data for one epoch, as a file."""
    cfg = Config.fromfile(path)
    classes = find_classes(cfg)
    data = write_coco(write_voc(folder / 'data', classes), classes)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        shrink(cfg[name], data)
    cfg.train_dataloader.batch_size = 2
    cfg.train_cfg.max_epochs = 1
    cfg.train_cfg.val_interval = 1
    cfg.default_hooks.logger.interval = 1
    if cfg.default_hooks.ags.type.endswith('AGSHook'):
        cfg.default_hooks.ags.interval = 1
    # Visualisers are singletons by name; each run needs its own log folder.
    cfg.visualizer.name = str(folder)
    target = folder / path.name
    cfg.dump(target)
    return target


def run_mmdet_tool(monkeypatch, name: str, *arguments) -> None:
    """Run mmdet's own unmodified tool in this process."""
    import mmdet
    tool = Path(mmdet.__file__).parent / '.mim/tools' / name
    monkeypatch.setattr(sys, 'argv', [str(tool), *map(str, arguments)])
    runpy.run_path(str(tool), run_name='__main__')


@pytest.fixture(autouse=True)
def quiet_threads(monkeypatch):
    """MMEngine sets these for the whole process; undo it after a test."""
    for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'LOCAL_RANK'):
        monkeypatch.setenv(name, os.environ.get(name, '1'))
    monkeypatch.setenv('LOCAL_RANK', '0')


@pytest.fixture
def bccd_root() -> Path:
    """Folder of the real BCCD data, if the machine has it."""
    root = Path(os.environ.get(
        'BCCD_ROOT', ROOT / 'data/bccd/VOCdevkit'))
    if not (root / 'VOC2007').is_dir():
        pytest.skip('BCCD is not here: set BCCD_ROOT to the folder that '
                    'contains VOC2007/')
    return root
