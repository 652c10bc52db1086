"""The checks themselves."""

import contextlib
import io
import os.path as osp
from collections import Counter

from mmdet.datasets import CocoDataset, VOCDataset
from mmengine.config import Config

from .annotations import Box, Photo, read_annotations
from .classes import check_classes, check_heads, check_labels, check_order
from .findings import Findings
from .images import by, check_images
from .rehearsal import rehearse
from .sources import Source

# Images in the published lists (VOC 2007, VOC 2012, COCO 2017).
PUBLISHED = {
    'VOC2007/ImageSets/Main/trainval.txt': 5011,
    'VOC2007/ImageSets/Main/test.txt': 4952,
    'VOC2012/ImageSets/Main/trainval.txt': 11540,
    'annotations/instances_train2017.json': 118287,
    'annotations/instances_val2017.json': 5000,
}


def inspect(sources: list, open_images: bool = True, cfg: Config | None = None) -> Findings:
    """Check every source, and return what concerns several of them.

    Args:
        sources (list[Source]): From ``sources_of``; filled in place.
        open_images (bool): Also decode every image (slow on full COCO).
        cfg (Config, optional): The config that the sources are from; its
            heads are held against the classes, and its first batches and its
            evaluators are tried if nothing else is wrong.
    """
    shared = Findings()
    for source in sources:
        with source.found.guard(source.name):
            check_files(source, open_images)
    with shared.guard('classes of all lists'):
        check_order(sources)
        check_labels(sources, shared)
        check_heads(cfg and cfg.get('model'), sources, shared)
    for source in sources:
        if not source.found.at_level('error'):
            load(source)
    with shared.guard('images of all lists'):
        check_purpose(sources, shared)
        overlaps(sources, shared)
    if cfg is not None:
        rehearse(cfg, sources, open_images, shared)
    return shared


def check_files(source: Source, open_images: bool) -> None:
    """Annotations, images, boxes and class names of one source."""
    read_annotations(source)
    check_evaluators(source)
    if not source.photos:
        return
    sizes = check_images(source, open_images)
    for photo, size in zip(source.photos, sizes, strict=True):
        with source.found.guard(f'{source.name}: {photo.name}'):
            check_boxes(source, photo, size)
    check_classes(source)
    check_published(source)


def check_boxes(source: Source, photo: Photo, size: tuple | None) -> None:
    """Boxes against each other's convention and the image's size."""
    for box in photo.boxes:
        code = box_problem(box, size, source.is_voc)
        if code:
            numbers = ', '.join(f'{v:g}' for v in box.written)
            where = '' if size is None else f' in {by(size)}'
            source.found.add(code, f'{photo.name}: {box.name} ({numbers}){where}')


def box_problem(box: Box, size: tuple | None, is_voc: bool) -> str:
    """Code of the first thing that is wrong with ``box``, or ''."""
    x1, y1, x2, y2 = box.corners
    if box.dropped:
        return box.dropped
    if x2 - x1 < 1 or y2 - y1 < 1:
        return 'no_area'
    if is_voc and -1 in (x1, y1):
        return 'zero_based'
    width, height = size or (float('inf'), float('inf'))
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        return 'outside'
    # COCO's decimals round to a little more than the image.
    if min(x1, y1) < -0.5 or x2 > width + 0.5 or y2 > height + 0.5:
        return 'beyond'
    return ''


def check_evaluators(source: Source) -> None:
    """An evaluator's own file against the file that is evaluated."""
    for name, path in source.judged_by.items():
        if osp.realpath(path) != osp.realpath(source.data.ann_file):
            source.found.add(
                'evaluator',
                f'{name} reads {path}. Write --cfg-options {name}.ann_file={source.data.ann_file}',
            )


def check_published(source: Source) -> None:
    """Whether a list of a benchmark's name has the benchmark's length."""
    count = PUBLISHED.get(source.name)
    standard = (VOCDataset if source.is_voc else CocoDataset).METAINFO
    if count and len(source.photos) != count and source.classes == standard['classes']:
        source.found.add('not_published', f'{len(source.photos)} images, published are {count}')


def load(source: Source) -> None:
    """Let mmdet itself read it, and count what is left after its filters."""
    with source.found.guard(source.name, 'refused'), contextlib.redirect_stdout(io.StringIO()):
        source.data.full_init()
    if source.found.at_level('error'):
        return
    labels, ignored = Counter(), Counter()
    for index in range(len(source.data)):
        for instance in source.data.get_data_info(index)['instances']:
            labels[instance['bbox_label']] += 1
            ignored[instance['bbox_label']] += instance['ignore_flag']
    source.used = dict(images=len(source.data), boxes=labels.total(), ignored=ignored.total())
    for label, count in sorted(labels.items()):
        if ignored[label] == count:
            source.found.add('class_ignored', f'{source.classes[label]}, {count} objects')
    if not len(source.data):
        source.found.add('unused', source.name)


def check_purpose(sources: list, found: Findings) -> None:
    """Whether there is an object to train on, and one to evaluate on."""
    for role in ('train', 'val', 'test'):
        code = 'nothing_to_learn' if role == 'train' else 'nothing_to_evaluate'
        needed = [source for source in sources if source.needs_objects(role)]
        counts = [source.used for source in needed]
        if needed and all(counts) and not sum(c['boxes'] - c['ignored'] for c in counts):
            boxes = sum(c['boxes'] for c in counts)
            files = ', '.join(source.name for source in needed)
            found.add(code, f'{role}: {files}, where {boxes} objects are ignored')


def overlaps(sources: list, found: Findings) -> None:
    """Images that are trained on and evaluated on."""
    train = {
        osp.realpath(photo.path): source.name
        for source in sources
        if 'train' in source.roles
        for photo in source.photos
    }
    for source in sources:
        if set(source.roles) & {'val', 'test'}:
            for photo in source.photos:
                other = train.get(osp.realpath(photo.path))
                if other:
                    found.add('overlap', f'{photo.name}, in {other} and in {source.name}')
