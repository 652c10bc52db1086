"""Does label i mean the same class in every data set and the checkpoint?"""

from typing import Optional

from mmengine.registry import DATASETS

from ...datasets.class_order import compare_classes, plain_name, same_labels


def classes_of(dataset) -> Optional[tuple]:
    """The class names of a built data set, None if it names none.

    mmdet's ``ConcatDataset`` of parts with other metainfo has a list of it;
    the first part stands for all.
    """
    metainfo = getattr(dataset, 'metainfo', None) or {}
    return _names(metainfo[0] if isinstance(metainfo, (list, tuple)) else metainfo)


def configured_classes(node: object) -> Optional[tuple]:
    """The class names of a data set's config, without loading it.

    Args:
        node (dict | list | None): What ``dataset=`` holds, wrappers too.
    """
    if isinstance(node, (list, tuple)):
        return configured_classes(node[0]) if node else None
    if not isinstance(node, dict):
        return None
    for inner in ('dataset', 'datasets'):
        if inner in node:
            return configured_classes(node[inner])
    kind = DATASETS.get(node['type']) if isinstance(node.get('type'), str) else node.get('type')
    return _names({**getattr(kind, 'METAINFO', {}), **(node.get('metainfo') or {})})


def saved_classes(checkpoint: dict) -> Optional[tuple]:
    """The class names that a checkpoint was trained with, if it tells."""
    meta = checkpoint.get('meta') or {}
    metainfo = meta.get('dataset_meta') or meta
    return _names(metainfo[0] if isinstance(metainfo, (list, tuple)) else metainfo)


def check_parts(dataset) -> None:
    """Refuse a ``ConcatDataset`` whose parts number their classes otherwise.

    Raises:
        ValueError: With the corrected line.
    """
    metainfo = getattr(dataset, 'metainfo', None)
    parts = [_names(each) for each in metainfo] if isinstance(metainfo, (list, tuple)) else []
    for number, names in enumerate(parts[1:], 1):
        if names and parts[0] and not same_labels(parts[0], names):
            raise ValueError(
                f'part 0 of the ConcatDataset has the classes {parts[0]}, part {number} {names}. '
                f'Write metainfo=dict(classes={parts[0]}) for each of its datasets.'
            )


def check_order(roles: dict) -> None:
    """Refuse classes whose order differs.

    Args:
        roles (dict[str, tuple | None]): See :func:`compare_classes`.

    Raises:
        ValueError: With the line that keeps the meaning of the labels.
    """
    sentence = compare_classes(roles)
    if sentence:
        raise ValueError(sentence)


def check_evaluator(evaluator: object, classes: Optional[tuple]) -> None:
    """Refuse an evaluator's own file whose categories are in another order.

    ``CocoMetric(ann_file=...)`` takes label i for the i-th of the file's
    categories that are among the classes.

    Raises:
        ValueError: With both orders.
    """
    for metric in getattr(evaluator, 'metrics', ()):
        api = getattr(metric, '_coco_api', None)
        if api is None or not classes:
            continue
        names = [category['name'] for category in api.dataset['categories']]
        order = tuple(name for name in names if name in classes)
        if order != tuple(classes):
            raise ValueError(
                f'the ann_file of {type(metric).__name__} has the categories {order}, the data '
                f'the classes {tuple(classes)}: detections would be judged as other classes. '
                "Bring the file's categories into the order of the classes, or leave ann_file "
                'out of the evaluator.'
            )


def same_set(first: Optional[tuple], second: Optional[tuple]) -> bool:
    """Whether both are the same classes, in whatever order."""
    if not first or not second:
        return False
    return sorted(map(plain_name, first)) == sorted(map(plain_name, second))


def _names(metainfo: dict) -> Optional[tuple]:
    names = metainfo.get('classes', metainfo.get('CLASSES'))
    if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return None  # a string names a file, or is refused by the data set
