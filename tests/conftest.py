"""Shared by all tests: tiny data sets, mmdet's own tools, real data."""

import json
import logging
import os
import runpy
import signal
import sys
import xml.etree.ElementTree as ET
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from torch.utils.data._utils import signal_handling

ROOT = Path(__file__).parents[1]
SIZE = (96, 64)  # width, height
SSD_SIZE = (64, 64)
# Files whose tests take most of the suite's time, and those that start
# processes which train together. CONTRIBUTING.md says what a marker is for.
SLOW = (
    'analysis/fidelity',
    'analysis/inference_cost/test_detector_contest',
    'analysis/inference_cost/test_layer_contest',
    'analysis/study/report/test_report_costs',
    'analysis/study/test_cluster',
    'analysis/study/test_killed',
    'configs/test_all_configs',
    'configs/test_children',
    'configs/test_resume_shipped',
    'datasets/test_hostile_data',
    'distill/test_on_detectors',
    'layers/test_compile',
    'test_style',
    'tools/test_mmdet_analysis_tools',
    'tools/test_compare_costs',
    'tools/test_compare_methods',
    'tools/test_train_flags',
    'tools/test_train_step',
)
DIST = (
    'distill/test_ddp_distilled',
    'engine/ways/test_ddp_methods',
    'engine/ways/test_distributed',
    'layers/test_ddp',
)
TINY_LOADER = dict(num_workers=0, persistent_workers=False, drop_last=False, times=1)


def pytest_collection_modifyitems(items) -> None:
    """Mark whole files; a test may have markers of its own beside them."""
    for item in items:
        path = item.path.as_posix()
        for marker, files in (('slow', SLOW), ('dist', DIST)):
            if any(f'tests/{file}' in path for file in files):
                item.add_marker(marker)


@lru_cache
def photographs() -> tuple:
    """The photographs bundled with scikit-learn, (427, 640, 3) BGR."""
    from sklearn.datasets import load_sample_images

    return tuple(image[..., ::-1] for image in load_sample_images().images)


def photo_crop(number: int) -> np.ndarray:
    """A crop of SIZE from one of the photographs, by turns."""
    photos = photographs()
    photo = photos[number % len(photos)]
    row, column = divmod(7 * (number // len(photos)) % 36, 6)
    x, y = column * SIZE[0], row * SIZE[1]
    return photo[y : y + SIZE[1], x : x + SIZE[0]]


def write_voc(root: Path, classes: tuple, images: int = 4) -> Path:
    """A tiny VOC2007 + VOC2012 folder of crops of real photographs.

    Each has two 40x40 boxes. The list ``train`` names all images, the
    others the first two.
    """
    import cv2

    for start, year in ((0, 'VOC2007'), (images, 'VOC2012')):
        base = root / year
        for sub in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
            (base / sub).mkdir(parents=True)
        names = [f'{year}_{i}' for i in range(images)]
        for split in ('train', 'val', 'test', 'trainval'):
            (base / f'ImageSets/Main/{split}.txt').write_text(
                '\n'.join(names if split == 'train' else names[:2])
            )
        for i, name in enumerate(names):
            cv2.imwrite(str(base / f'JPEGImages/{name}.jpg'), photo_crop(start + i))
            labels = [classes[(i + j) % len(classes)] for j in range(2)]
            write_xml(base / f'Annotations/{name}.xml', labels)
    return root


def write_xml(path: Path, labels: list) -> None:
    """VOC annotation with a 40x40 box per label, side by side."""
    node = ET.Element('annotation')
    size = ET.SubElement(node, 'size')
    for key, value in zip(('width', 'height', 'depth'), (*SIZE, 3), strict=True):
        ET.SubElement(size, key).text = str(value)
    for x, label in zip((5, 50), labels, strict=True):
        obj = ET.SubElement(node, 'object')
        ET.SubElement(obj, 'name').text = label
        box = ET.SubElement(obj, 'bndbox')
        for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), (x, 10, x + 40, 50), strict=True):
            ET.SubElement(box, key).text = str(value)
    ET.ElementTree(node).write(path)


def write_coco(root: Path, classes: tuple, images: int = 4) -> Path:
    """The same images again as COCO JSON, ``val`` with the first two.

    The files have the demo data's names and those of COCO 2017.
    """
    cats = [dict(id=i, name=n) for i, n in enumerate(classes, 1)]
    (root / 'annotations').mkdir()
    for split, count in (('train', images), ('val', 2)):
        records, boxes = [], []
        for i in range(count):
            records.append(dict(id=i, file_name=f'VOC2007_{i}.jpg', width=SIZE[0], height=SIZE[1]))
            for j, x in enumerate((5, 50)):
                boxes.append(
                    dict(
                        id=len(boxes) + 1,
                        image_id=i,
                        iscrowd=0,
                        category_id=(i + j) % len(classes) + 1,
                        bbox=[x, 10, 40, 40],
                        area=1600,
                    )
                )
        content = json.dumps(dict(images=records, annotations=boxes, categories=cats))
        for name in (split, f'{split}2017'):
            (root / f'annotations/instances_{name}.json').write_text(content)
        (root / f'{split}2017').symlink_to(root / 'VOC2007/JPEGImages')
    return root


def shrink(node, root: Path):
    """Point every data set of a config at ``root``, in tiny input."""
    if isinstance(node, (list, tuple)):
        for value in node:
            shrink(value, root)
    if not isinstance(node, dict):
        return
    for value in node.values():
        shrink(value, root)
    node.update({k: v for k, v in TINY_LOADER.items() if k in node})
    if 'data_root' in node:
        node['data_root'] = f'{root}/'
    if 'scale' in node:
        node['scale'] = SIZE if node['keep_ratio'] else SSD_SIZE
    if 'pipeline' in node:  # else each data set collects garbage
        node['serialize_data'] = False
    node.pop('worker_init_fn', None)


def shrink_ssd(model: dict) -> None:
    """Let an SSD of any depth of levels take SSD_SIZE.

    Its extra levels shrink 4 pixels to 1 and stay there: other strides and
    paddings, but every layer and weight of the shipped config.
    """
    extra = len(model.neck.level_strides)
    kernel = model.neck.get('last_kernel_size', 3)
    model.test_cfg.score_thr = 0.0
    model.neck.level_strides = (2,) * extra
    model.neck.level_paddings = (1,) * (extra - 1) + (kernel // 2,)
    generator = model.bbox_head.anchor_generator
    for key in ('input_size', 'basesize_ratio_range'):
        generator.pop(key)  # would ask for 300 or 512
    generator.strides = [8, 16, 32] + [64] * (extra - 1)
    sizes = [6 + 58 * i // (extra + 2) for i in range(extra + 3)]
    generator.update(min_sizes=sizes[:-1], max_sizes=sizes[1:])


def shrink_rcnn(model: dict) -> None:
    """Few regions, since RoIAlign is slow on a CPU; all are detections.

    After two iterations no score may pass the threshold, and COCO's metric
    has no result then.
    """
    model.test_cfg.rcnn.score_thr = 0.0
    model.train_cfg.rpn_proposal.max_per_img = 64
    model.train_cfg.rcnn.sampler.num = 64
    model.test_cfg.rpn.max_per_img = 64


def find_classes(cfg) -> tuple:
    """Classes of a config's training data."""
    from mmdet.datasets import CocoDataset, VOCDataset

    data = cfg.val_dataloader.dataset
    known = CocoDataset if data.type.endswith('CocoDataset') else VOCDataset
    metainfo = data.get('metainfo') or known.METAINFO
    return tuple(metainfo['classes'])


def tiny_config(path: Path, folder: Path) -> Path:
    """The config at ``path`` on tiny data for one epoch, as a file."""
    cfg = Config.fromfile(path)
    classes = find_classes(cfg)
    data = write_coco(write_voc(folder / 'data', classes), classes)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        shrink(cfg[name], data)
    for name in ('val_evaluator', 'test_evaluator'):
        if 'ann_file' in cfg[name]:
            cfg[name].ann_file = f'{data}/annotations/instances_val.json'
    if 'SSD' in cfg.model.get('bbox_head', {}).get('type', ''):
        shrink_ssd(cfg.model)
    if 'roi_head' in cfg.model:
        shrink_rcnn(cfg.model)
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

    _run_script(monkeypatch, Path(mmdet.__file__).parent / '.mim/tools' / name, *arguments)


@pytest.fixture
def run_tool(monkeypatch, capsys):
    """Run ``tools/<name>`` in this process; returns what it prints, with its errors if asked."""

    def run(name: str, *arguments, errors: bool = False) -> str:
        capsys.readouterr()
        _run_script(monkeypatch, ROOT / 'tools' / name, *arguments)
        out, err = capsys.readouterr()
        return out + err * errors

    return run


def _run_script(monkeypatch, path: Path, *arguments) -> None:
    monkeypatch.setattr(sys, 'argv', [str(path), *map(str, arguments)])
    monkeypatch.syspath_prepend(str(path.parent))  # as Python does for a script
    runpy.run_path(str(path), run_name='__main__')


@pytest.fixture(autouse=True)
def quiet_threads(monkeypatch):
    """MMEngine sets these for the whole process; undo it after a test."""
    for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'LOCAL_RANK'):
        monkeypatch.setenv(name, os.environ.get(name, '1'))
    monkeypatch.setenv('LOCAL_RANK', '0')


@pytest.fixture(autouse=True)
def ended_children():
    """PyTorch's loaders with workers handle SIGCHLD for the whole process; undo it after a test."""
    before = signal.getsignal(signal.SIGCHLD)
    yield
    if signal.getsignal(signal.SIGCHLD) is not before:
        signal.signal(signal.SIGCHLD, before)
        signal_handling._SIGCHLD_handler_set = False


@pytest.fixture(autouse=True)
def no_logger_of_another_test():
    """MMEngine's current logger is the whole process's and keeps its file; end it after a test.

    submitit and uvicorn configure ``logging``, which closes every handler there is:
    a model that then writes its initialisation to the current logger's file fails.
    """
    yield
    for logger in MMLogger._instance_dict.values():
        for handler in [h for h in logger.handlers if isinstance(h, logging.FileHandler)]:
            handler.close()
            logger.removeHandler(handler)
    MMLogger._instance_dict.clear()


@pytest.fixture(autouse=True)
def plain_config_text(monkeypatch):
    """Configs are written as they are: yapf takes seconds for each."""
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **options: (text, True))


@pytest.fixture
def bccd_root() -> Path:
    """Folder of the real BCCD data, if the machine has it."""
    root = Path(os.environ.get('BCCD_ROOT', ROOT / 'data/bccd/VOCdevkit'))
    if not (root / 'VOC2007').is_dir():
        pytest.skip('BCCD is not here: set BCCD_ROOT to the folder that contains VOC2007/')
    return root
