"""Whether label i means the same class everywhere."""

import shlex
from collections.abc import Iterable, Mapping

# Whose order is right if they differ: weights cannot be reordered, and what
# is trained decides for what is evaluated.
ROLES = ('checkpoint', 'train', 'val', 'test')
# Parts of a model whose classes are not those of the boxes.
OWN_CLASSES = ('rpn_head', 'semantic_head')


def compare_classes(classes: Mapping[str, Iterable[str] | None]) -> str:
    """What to write if label i is not the same class in all of them, else ''.

    Names that differ only in case, blanks and joining characters are the same
    class: each data set has to spell them as its own annotations do. Leave
    the checkpoint out where its head is replaced (fine-tuning on other
    classes).

    Args:
        classes (Mapping[str, Iterable[str] | None]): Class names by label, for any of
            'checkpoint', 'train', 'val' and 'test'; None if unknown.

    Returns:
        str: One sentence on the first label that differs, and the corrected line. The line
        never reorders the checkpoint, nor the training data unless it contradicts the
        checkpoint.

    Examples:
        >>> compare_classes({'train': ('cat', 'dog'), 'val': ['Cat', 'dog']})
        ''
        >>> print(compare_classes({'train': ('cat', 'dog'), 'test': ('dog', 'cat')}))
        label 0 is 'cat' in train, but 'dog' in test: the numbers would mean other classes. \
Write metainfo=dict(classes=('cat', 'dog')) in test_dataloader.dataset.
    """
    known = {role: tuple(classes[role]) for role in ROLES if classes.get(role) is not None}
    if not known:
        return ''
    (first, right), *others = known.items()
    differing = {role: names for role, names in others if not same_labels(right, names)}
    if not differing:
        return ''
    role, names = next(iter(differing.items()))
    places = ' and '.join(f'{role}_dataloader.dataset' for role in differing)
    return (
        f'{_first_difference(first, right, role, names)}: the numbers would mean other classes. '
        f'Write metainfo=dict(classes={right}) in {places}.'
    )


def same_labels(right: tuple, names: tuple) -> bool:
    """Whether label i is the same class in both, apart from its spelling."""
    return len(right) == len(names) and all(
        _same_class(a, b, right, names) for a, b in zip(right, names, strict=True)
    )


def head_problem(name: str, count: object, classes: tuple) -> str:
    """What to write if a part of the model has another number of classes than the data, else ''.

    An RPN tells objects from background whatever the classes, a semantic head
    (HTC, SCNet) has the classes of its own maps, and mmcv's VGG writes -1 for a
    backbone without classifier.

    Args:
        name (str): Place in the model, such as ``roi_head.bbox_head``.
        count (object): Its ``num_classes``; None if it has none.
        classes (tuple[str]): Class names of the data.

    Examples:
        >>> head_problem('bbox_head', 2, ('cat', 'dog'))
        ''
        >>> print(head_problem('bbox_head', 3, ('cat', 'dog')))
        bbox_head.num_classes is 3, but the data has 2 classes ('cat', 'dog'). Write \
--cfg-options model.bbox_head.num_classes=2, or correct metainfo=dict(classes=...) of the data.
    """
    if count in (None, -1, len(classes)) or any(head in name for head in OWN_CLASSES):
        return ''
    return (
        f'{name}.num_classes is {count}, but the data has {len(classes)} classes {classes}. Write '
        f'--cfg-options model.{name}.num_classes={len(classes)}, or correct '
        'metainfo=dict(classes=...) of the data.'
    )


def require_classes(classes: object, ann_file: str) -> None:
    """Refuse what is no sequence of different names.

    Raises:
        ValueError: If there are no classes, or one is there twice.
        TypeError: If ``classes`` is a string, or holds other things.
    """
    if isinstance(classes, str):
        raise TypeError(
            f'classes={classes!r} is a string. Write metainfo=dict(classes=({classes!r}, )): one '
            'class needs the comma.'
        )
    if not classes:
        raise ValueError(f"{ann_file}: which classes? Write metainfo=dict(classes=('cat', 'dog')).")
    names = tuple(map(str, classes))
    if names != tuple(classes):
        raise TypeError(
            f'classes={tuple(classes)} are not all strings. Write metainfo=dict(classes={names}).'
        )
    once = tuple(dict.fromkeys(names))
    if once != names:
        raise ValueError(f'classes={names} has a name twice. Write metainfo=dict(classes={once}).')


def order_problem(categories: Iterable[str], classes: Iterable[str]) -> str:
    """How the categories of a COCO file contradict the classes, else ''.

    mmdet gives label i to the i-th of those categories of the JSON file that
    are among the classes. A class that the file lacks shifts all behind it,
    and detections of the last ones cannot be evaluated.

    Examples:
        >>> order_problem(('cat', 'dog'), ('cat', 'bird', 'dog'))
        "the file has no category 'bird', which shifts the labels"
    """
    order, classes = file_order(categories, classes), tuple(classes)
    if not order or order == classes:
        return ''
    lacking = [name for name in classes if name not in order]
    if lacking:
        return f'the file has no category {", ".join(map(repr, lacking))}, which shifts the labels'
    return f'the categories are in another order than the classes: {order}, not {classes}'


def file_order(categories: Iterable[str], classes: Iterable[str]) -> tuple:
    """The classes as mmdet numbers them for a file with these categories."""
    classes = set(classes)
    return tuple(name for name in categories if name in classes)


def order_command(file: str, classes: Iterable[str]) -> str:
    """What puts the categories of a file in order and leaves every label its meaning."""
    names = shlex.join(classes)
    return (
        f'python tools/dataset_converters/order_categories.py {shlex.quote(file)} --classes {names}'
    )


def order_categories(content: dict, classes: Iterable[str]) -> None:
    """Put the categories of COCO content in the order of the classes, in place.

    Ids stay, so that every object keeps its class. A class without category
    gets one with an id that nothing has; other categories come last.
    """
    known = {each['name']: each for each in content['categories']}
    used = [each['id'] for each in content['categories']]
    used += [each['category_id'] for each in content.get('annotations', [])]
    free = 1 + max((key for key in used if isinstance(key, int)), default=0)
    classes = list(classes)
    ordered = []
    for name in classes:
        if name not in known:
            known[name] = dict(id=free, name=name)
            free += 1
        ordered.append(known[name])
    others = [each for each in content['categories'] if each['name'] not in classes]
    content['categories'] = ordered + others


def spelling_line(names: Iterable[str], classes: Iterable[str], evaluated: bool) -> str:
    """What to write if annotations with these names have none of the classes.

    Classes that are only spelt otherwise keep their places. Else the order is
    the training's to choose: one of its own would give the labels of
    evaluated data another meaning.

    Examples:
        >>> spelling_line(('cat', 'dog', 'emu'), ('Dog', 'CAT'), True)
        "Write metainfo=dict(classes=('dog', 'cat'))."
        >>> spelling_line(('cat', 'dog'), ('emu', ), True)
        'Write the classes of the training, spelt as in these annotations.'
    """
    names = tuple(names)
    spelt = {plain_name(name): name for name in names}
    right = tuple(spelt.get(plain_name(name)) for name in classes)
    if None not in right:
        return f'Write metainfo=dict(classes={right}).'
    if evaluated:
        return 'Write the classes of the training, spelt as in these annotations.'
    return f'Write metainfo=dict(classes={names}).'


def plain_name(name: str) -> str:
    """A class name without what is easily mistyped.

    Examples:
        >>> plain_name('Potted_plant ')
        'pottedplant'
    """
    return ''.join(c for c in name.casefold() if c.isalnum()) or name


def _same_class(a: str, b: str, right: tuple, names: tuple) -> bool:
    # 'cat1' and 'cat-1' are two classes where one list has both.
    return a == b or (plain_name(a) == plain_name(b) and a not in names and b not in right)


def _first_difference(first: str, right: tuple, role: str, names: tuple) -> str:
    for label, (a, b) in enumerate(zip(right, names, strict=False)):
        if not _same_class(a, b, right, names):
            return f'label {label} is {a!r} in {first}, but {b!r} in {role}'
    longer, shorter = (first, role) if len(right) > len(names) else (role, first)
    label = min(len(right), len(names))
    name = max(right, names, key=len)[label]
    return f'label {label} is {name!r} in {longer}, but there is none in {shorter}'
