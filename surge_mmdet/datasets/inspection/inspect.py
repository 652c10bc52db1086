"""The checks themselves."""

import contextlib
import difflib
import io
import os
import os.path as osp
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from mmdet.datasets import CocoDataset, VOCDataset

from .annotations import Box, Photo, read_annotations
from .findings import Findings
from .sources import Source, repair_of

SIMILAR = 0.8  # 'airplane' is 'aeroplane', 'chair' is not 'car'
ORIENTATION = 274  # EXIF tag; from 5 on it swaps width and height
# Images in the published lists (VOC 2007, VOC 2012, COCO 2017).
PUBLISHED = {
    'VOC2007/ImageSets/Main/trainval.txt': 5011,
    'VOC2007/ImageSets/Main/test.txt': 4952,
    'VOC2012/ImageSets/Main/trainval.txt': 11540,
    'annotations/instances_train2017.json': 118287,
    'annotations/instances_val2017.json': 5000,
}


def inspect(sources: list, open_images: bool = True) -> Findings:
    """Check every source, and return what concerns several of them.

    Args:
        sources (list[Source]): From ``sources_of``; filled in place.
        open_images (bool): Also decode every image (slow on full COCO).
    """
    for source in sources:
        read_annotations(source)
        check_evaluators(source)
        if source.photos:
            sizes = check_images(source, open_images)
            for photo, size in zip(source.photos, sizes, strict=True):
                check_boxes(source, photo, size)
            check_classes(source)
            check_published(source)
        if not source.found.at_level('error'):
            load(source)
    return overlaps(sources)


def check_images(source: Source, open_images: bool) -> list:
    """Per photo the (width, height) that mmdet will see, or None."""
    if not osp.isdir(source.image_folder):
        source.found.add('missing', repair_of(source, source.image_folder))
        return [photo.size for photo in source.photos]
    if not open_images:
        return [_exists(source, photo) for photo in source.photos]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(open_image, source.photos))
    return [
        _opened(source, photo, result) for photo, result in zip(source.photos, results, strict=True)
    ]


def open_image(photo: Photo):
    """(width, height, turned) of the image, or what is wrong with it."""
    from PIL import Image

    try:
        with Image.open(photo.path) as image:
            size = image.size
            turn = image.getexif().get(ORIENTATION, 1)
            # Decodes JPEG at 1/8: quick, and finds a file that was cut off.
            image.draft('L', (size[0] // 8, size[1] // 8))
            image.load()
    except FileNotFoundError:
        return None
    except (OSError, SyntaxError, ValueError) as error:
        return str(error).replace(photo.path, photo.name)
    return (*(size[::-1] if turn >= 5 else size), turn > 1)


def _opened(source: Source, photo: Photo, result):
    if result is None:
        return _exists(source, photo)
    if isinstance(result, str):
        source.found.add('broken_image', f'{photo.name}: {result}')
        return photo.size
    width, height, turned = result
    if turned:
        source.found.add('turned', photo.name)
    if photo.size not in (None, (width, height)):
        source.found.add(
            'size',
            '{}: {}x{}, but the image has {}x{}'.format(photo.name, *photo.size, width, height),
        )
    return width, height


def _exists(source: Source, photo: Photo):
    if not osp.isfile(photo.path):
        stem = osp.splitext(photo.path)[0]
        other = [stem + suffix for suffix in ('.jpeg', '.JPG', '.png') if osp.isfile(stem + suffix)]
        hint = f' (there is {osp.basename(other[0])}: mmdet reads .jpg here)' if other else ''
        source.found.add('no_image', source.inside(photo.path) + hint)
    return photo.size


def check_boxes(source: Source, photo: Photo, size: tuple | None) -> None:
    """Boxes against each other's convention and the image's size."""
    for box in photo.boxes:
        code = box_problem(box, size, source.is_voc)
        if code:
            x1, y1, x2, y2 = (f'{v:g}' for v in box.written)
            where = '' if size is None else ' in {}x{}'.format(*size)
            source.found.add(code, f'{photo.name}: {box.name} ({x1}, {y1}, {x2}, {y2}){where}')


def box_problem(box: Box, size: tuple | None, is_voc: bool) -> str:
    """Code of the first thing that is wrong with ``box``, or ''."""
    x1, y1, x2, y2 = box.corners
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


def check_classes(source: Source) -> None:
    """Names in the annotations against names in the config."""
    counts = count_classes(source)
    classes = source.data.metainfo['classes']
    absent = [name for name in classes if name not in counts]
    unknown = sorted(
        set(counts) - set(classes), key=lambda name: (not nearest(name, classes), name)
    )
    if len(absent) == len(classes) and unknown:
        source.found.add('no_class', f'metainfo=dict(classes={tuple(sorted(unknown))})')
    for name in unknown:
        same = any(plain(c) == plain(name) for c in classes)
        near = nearest(name, classes)
        hint = f'; the nearest class is {near!r}' if near else ''
        source.found.add(
            'class_spelling' if same else 'class_unknown', f'{name!r}, {counts[name]} objects{hint}'
        )
    if absent and len(absent) < len(classes):
        source.found.add('class_absent', ', '.join(absent))


def plain(name: str) -> str:
    """A class name without case, spaces and joining characters."""
    return ''.join(c for c in name.lower() if c.isalnum())


def nearest(name: str, classes: tuple) -> str:
    """The class that is spelt most like ``name``, or ''."""
    by_letters = {plain(c): c for c in classes}
    found = difflib.get_close_matches(plain(name), by_letters, 1, SIMILAR)
    return by_letters[found[0]] if found else ''


def count_classes(source: Source) -> Counter:
    """How many objects of each name the annotations have."""
    return Counter(box.name for photo in source.photos for box in photo.boxes)


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
    data, count = source.data, PUBLISHED.get(source.name)
    standard = (VOCDataset if source.is_voc else CocoDataset).METAINFO
    if count and len(source.photos) != count and (data.metainfo['classes'] == standard['classes']):
        source.found.add('not_published', f'{len(source.photos)} images, published are {count}')


def load(source: Source) -> None:
    """Let mmdet itself read it, and count what is left after its filters."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            source.data.full_init()
    except Exception as error:  # anything: the report must still be printed
        source.found.add('refused', f'{type(error).__name__}: {error}')
        return
    flags = [
        instance['ignore_flag']
        for index in range(len(source.data))
        for instance in source.data.get_data_info(index)['instances']
    ]
    source.used = dict(images=len(source.data), boxes=len(flags), ignored=sum(flags))
    if not len(source.data):
        source.found.add('unused', source.name)


def overlaps(sources: list) -> Findings:
    """Images that are trained on and evaluated on."""
    found = Findings()
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
    return found
