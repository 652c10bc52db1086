"""The first batch of each loader and its evaluation, before the training does them.

Whatever stops a training late or in its first minute on account of its data
shows here: the loaders and evaluators are built as MMEngine builds them.
"""

import contextlib
import io
import logging
from collections.abc import Iterator

import torch
from mmdet.evaluation import CocoMetric, VOCMetric
from mmdet.registry import METRICS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from torch.utils.data import DataLoader

from ..class_order import same_labels
from .findings import Findings
from .sources import ROLES, Source, evaluators_of, leaves

# Without worker processes these have no meaning, and some are refused.
WORKERS = ('prefetch_factor', 'timeout', 'multiprocessing_context', 'pin_memory')


def rehearse(cfg: Config, sources: list, open_images: bool, found: Findings) -> None:
    """Try the loader and the evaluators of every role that has no error yet.

    Args:
        cfg (Config): The whole config.
        sources (list[Source]): What it reads, checked and loaded.
        open_images (bool): Whether images may be decoded.
        found (Findings): Where what stops is noted.
    """
    done = []
    for role in ROLES:
        loader_cfg = cfg.get(f'{role}_dataloader')
        if any(source.found.at_level('error') for source in sources if role in source.roles):
            continue
        task = (loader_cfg, evaluators_of(cfg, role))
        if not loader_cfg or task in done:
            continue
        done.append(task)
        with quiet():
            _rehearse_role(role, *task, sources, open_images, found)


def _rehearse_role(
    role: str, cfg: dict, evaluators: list, sources: list, open_images: bool, found: Findings
) -> None:
    name = f'{role}_dataloader'
    with found.guard(name, 'first_batch'):
        problems = list(missing_masks(cfg, sources))
        if role == 'train' or evaluators:  # a MultiDatasetsEvaluator wants the parts' own
            problems += parts_problems(name, cfg['dataset'], sources)
        if not problems:
            loader = build_loader(cfg, sources)
            problems = batch_problem(name, cfg, loader)
        for code, case in problems:
            found.add(code, case)
        if problems or not open_images:
            return
        batch = next(iter(loader), None)
        if batch is None:  # AspectRatioBatchSampler fills a batch by shapes
            found.add('no_batch', f'{name}: no batch is full. Write a smaller batch_size')
            return
        for evaluator in evaluators:
            with found.guard(f'{role}_evaluator, {evaluator.get("type")}', 'first_evaluation'):
                evaluate(evaluator, loader.dataset.metainfo, batch)


def build_loader(cfg: dict, sources: list) -> DataLoader:
    """The loader as MMEngine's runner builds it, in this process alone.

    The data sets are those that the sources have loaded already.
    """
    cfg = {key: value for key, value in cfg.items() if key not in WORKERS}
    cfg.update(dataset=_loaded(cfg['dataset'], sources), num_workers=0, persistent_workers=False)
    return Runner.build_dataloader(cfg, seed=0)


def _loaded(node, sources: list):
    """The config of a data set with what the sources have loaded inside."""
    if isinstance(node, (list, tuple)):
        return [_loaded(each, sources) for each in node]
    if not isinstance(node, dict):
        return node
    source = source_of(node, sources)
    if source is None:
        inner = {key: _loaded(node[key], sources) for key in ('dataset', 'datasets') if key in node}
        return {**node, **inner}
    source.data.pipeline = Compose(node.get('pipeline', []))
    # A function as type, because the runner copies the config in depth.
    return dict(type=lambda: source.data)


def source_of(leaf: dict, sources: list) -> Source | None:
    """Which source this very node of the config reads."""
    return next((s for s in sources if any(each is leaf for each in s.leaves)), None)


def batch_problem(name: str, cfg: dict, loader: DataLoader) -> list:
    """Whether an epoch has no step at all."""
    if len(loader):
        return []
    size, images = cfg.get('batch_size'), len(loader.dataset)
    line = f'Write --cfg-options {name}.batch_size={images}' if images else 'Add images'
    return [('no_batch', f'{name}: {images} images, but batch_size={size}. {line}')]


def parts_problems(name: str, node, sources: list) -> Iterator[tuple]:
    """Parts of a ConcatDataset whose metainfo differ.

    mmdet makes a list of them, or stops at a key that the first part lacks.
    """
    if isinstance(node, (list, tuple)):
        for each in node:
            yield from parts_problems(name, each, sources)
    if not isinstance(node, dict):
        return
    ignored = node.get('ignore_keys') or []
    ignored = [ignored] if isinstance(ignored, str) else list(ignored)
    found = [source_of(leaf, sources).data.metainfo for leaf in leaves(node.get('datasets'))]
    keys = sorted({key for part in found for key in part} - set(ignored))
    differing = [key for key in keys if any(part.get(key) != found[0].get(key) for part in found)]
    if differing:
        yield 'parts_differ', _parts_case(name, found, differing, ignored)
    for key in ('dataset', 'datasets'):
        yield from parts_problems(name, node.get(key), sources)


def _parts_case(name: str, found: list, differing: list, ignored: list) -> str:
    classes = [tuple(part['classes']) for part in found]
    if all(same_labels(classes[0], each) for each in classes):
        line = f'ignore_keys={ignored + differing} beside datasets=[...]'
    else:
        line = f'metainfo=dict(classes={classes[0]}) in each part'
    values = '; '.join(
        f'{key} is {" and ".join(repr(part.get(key)) for part in found)}' for key in differing
    )
    return f'{name}: {values}. Write {line}'


def missing_masks(cfg: dict, sources: list) -> Iterator[tuple]:
    """Objects without mask, where the pipeline asks for masks."""
    for source in sources:
        for leaf in source.leaves:
            wants = any(step.get('with_mask') for step in leaf.get('pipeline', []))
            if not wants or not contains(cfg['dataset'], leaf):
                continue
            for index in range(len(source.data)):
                info = source.data.get_data_info(index)
                count = sum('mask' not in each for each in info['instances'])
                if count:
                    yield 'no_mask', f'{source.name}: {info["img_path"]}, {count} objects'


def contains(node, leaf: dict) -> bool:
    """Whether ``leaf`` is somewhere in the config of a data set."""
    if isinstance(node, (list, tuple)):
        return any(contains(each, leaf) for each in node)
    return isinstance(node, dict) and (
        node is leaf or any(contains(node.get(key), leaf) for key in ('dataset', 'datasets'))
    )


def evaluate(cfg: dict, metainfo: dict, batch: dict) -> None:
    """Let an evaluator judge the objects of one image, and one detection per class.

    Raises:
        Exception: Whatever it would raise after the epoch.
    """
    kind = METRICS.get(cfg['type']) if isinstance(cfg['type'], str) else cfg['type']
    if kind not in (CocoMetric, VOCMetric) or cfg.get('format_only'):
        return  # others may write files
    cfg = {key: value for key, value in cfg.items() if key != 'outfile_prefix'}
    if kind is CocoMetric:
        cfg['metric'] = 'bbox'
    metric = METRICS.build(cfg)
    sample = batch['data_samples'][0]
    sample.pred_instances = _detections(sample, len(metainfo['classes']))
    # Only this image, so that full COCO is not evaluated.
    metric.img_ids = [sample.img_id]
    evaluator = Evaluator([metric])
    evaluator.dataset_meta = metainfo
    evaluator.process(data_samples=[sample], data_batch=batch)
    evaluator.evaluate(1)


def _detections(sample: DetDataSample, classes: int) -> InstanceData:
    height, width = sample.ori_shape
    boxes, labels = torch.tensor([[0.0, 0.0, width, height]] * classes), torch.arange(classes)
    if 'gt_instances' in sample:  # found objects are followed further than missed ones
        found = sample.gt_instances
        boxes = torch.cat([boxes, getattr(found.bboxes, 'tensor', found.bboxes)])
        labels = torch.cat([labels, found.labels])
    return InstanceData(bboxes=boxes, scores=torch.ones(len(labels)), labels=labels)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Neither mmdet's progress nor pycocotools' tables in the report."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
