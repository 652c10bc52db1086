"""Names in the annotations against names in the config, their order and their number."""

import difflib
from collections import Counter
from collections.abc import Iterator

from ..class_order import (
    compare_classes,
    file_order,
    head_problem,
    order_command,
    order_problem,
    plain_name,
    spelling_line,
)
from .findings import Findings
from .sources import ROLES, Source

SIMILAR = 0.8  # 'airplane' is 'aeroplane', 'chair' is not 'car'


def check_classes(source: Source) -> None:
    """Names in the annotations against names in the config."""
    counts, classes = count_classes(source), source.classes
    absent = [name for name in classes if name not in counts]
    unknown = sorted(
        set(counts) - set(classes), key=lambda name: (not nearest(name, classes), name)
    )
    if len(absent) == len(classes) and unknown:
        # A COCO file numbers the classes in the order of its categories.
        names = file_order(source.categories, unknown) or sorted(unknown)
        source.found.add('no_class', spelling_line(names, classes, 'train' not in source.roles))
    for name in unknown:
        same = any(plain_name(c) == plain_name(name) for c in classes)
        near = nearest(name, classes)
        hint = f'; the nearest class is {near!r}' if near else ''
        source.found.add(
            'class_spelling' if same else 'class_unknown', f'{name!r}, {counts[name]} objects{hint}'
        )
    if absent and len(absent) < len(classes):
        source.found.add('class_absent', ', '.join(absent))


def nearest(name: str, classes: tuple) -> str:
    """The class that is spelt most like ``name``, or ''."""
    by_letters = {plain_name(c): c for c in classes}
    found = difflib.get_close_matches(plain_name(name), by_letters, 1, SIMILAR)
    return by_letters[found[0]] if found else ''


def count_classes(source: Source) -> Counter:
    """How many objects of each name the annotations have."""
    return Counter(box.name for photo in source.photos for box in photo.boxes)


def check_order(sources: list) -> None:
    """Classes against the order of the categories, for each COCO file.

    Other classes are advised only where every file numbers them alike; where
    one file differs, that file has to change, or labels would change their
    meaning.
    """
    orders = {file_order(source.categories, source.classes) for source in sources}
    for source in sources:
        problem = order_problem(source.categories, source.classes)
        if problem and len(orders) == 1:
            (order,) = orders
            line = f'Write metainfo=dict(classes={order}) in every data set of the config'
            source.found.add('class_order', f'{problem}. {line}')
        elif problem:
            command = order_command(source.data.ann_file, source.classes)
            source.found.add('class_order', f'{problem}. Run: {command}')


def check_labels(sources: list, found: Findings) -> None:
    """Whether a label is the same class in training and evaluation."""
    classes = {
        role: source.classes for role in ROLES for source in sources[::-1] if role in source.roles
    }
    difference = compare_classes(classes)
    if difference:
        found.add('label_order', difference)


def check_heads(model: object, sources: list, found: Findings) -> None:
    """Every ``num_classes`` in the config of a model against the classes of the training.

    Args:
        model (object): ``cfg.model``; None if there is none.
        sources (list[Source]): What the config reads.
        found (Findings): Where what disagrees is noted.
    """
    (classes, *_) = (s.classes for role in ROLES for s in sources if role in s.roles)
    for name, count in class_counts(model):
        problem = head_problem(name, count, classes)
        if problem:
            found.add('head_classes', problem)


def class_counts(node: object, *place: str) -> Iterator[tuple]:
    """(place in the model, its ``num_classes``) wherever a config has one."""
    if isinstance(node, dict) and 'num_classes' in node:
        yield '.'.join(place), node['num_classes']
    items = node.items() if isinstance(node, dict) else ()
    for key, value in enumerate(node) if isinstance(node, (list, tuple)) else items:
        yield from class_counts(value, *place, str(key))
