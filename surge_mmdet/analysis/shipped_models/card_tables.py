"""What was measured, as tables for a model card."""

from collections.abc import Mapping
from statistics import mean, stdev

from ...deploy.agreement import Agreement
from ...deploy.publish import Published
from ..tables import Column, Table

DETECTORS = ('simulated', 'packed')
TWIN = 'float twin'


def tables(
    published: Published,
    splits: Mapping[str, Agreement],
    twin: Mapping[str, tuple],
    repeated: Mapping[str, list],
    classes: list,
) -> dict:
    """Name to :class:`Table`, for the card.

    Args:
        published (Published): Of :func:`pack`.
        splits (Mapping[str, Agreement]): Of :func:`compare`.
        twin (Mapping[str, tuple]): Of :func:`teacher_reaches`.
        repeated (Mapping[str, list]): Of :func:`shaken`.
        classes (list): Of :func:`objects`.
    """
    return dict(
        accuracy=_accuracy(splits, twin),
        rounding=_rounding(repeated),
        objects=objects_table(classes),
        agreement=_agreement(splits),
        size=_size(published.sizes),
    )


def objects_table(classes: list) -> Table:
    """The rows of :func:`objects` as a table."""
    columns = [
        Column('class', 'class'),
        Column('objects', 'objects'),
        Column('with a box', 'boxed'),
        Column('with a box of this class', 'found'),
    ]
    return Table(columns, classes)


def _accuracy(splits: Mapping, twin: Mapping) -> Table:
    columns = [
        Column('split', 'split'),
        Column('images', 'images'),
        Column('detector', 'detector'),
        Column('AP', 'AP', '{:.3f}'),
        Column('AP50', 'AP50', '{:.3f}'),
    ]
    rows = [
        dict(split=split, images=found.images, detector=detector, AP=ap, AP50=ap50)
        for split, found in splits.items()
        for detector, ap, ap50 in (
            (TWIN, *twin[split]),
            *zip(DETECTORS, found.ap, found.ap50, strict=True),
        )
    ]
    return Table(columns, rows)


def _rounding(repeated: Mapping) -> Table:
    columns = [
        Column('split', 'split'),
        Column('', 'detector'),
        Column('mean AP', 'mean', '{:.4f}'),
        Column('standard deviation', 'deviation', '{:.4f}'),
        Column('lowest and highest', 'range', '{:.3f} to {:.3f}'),
    ]
    rows = [
        dict(
            split=split,
            detector=label,
            mean=mean(values),
            deviation=stdev(values),
            range=[min(values), max(values)],
            values=values,
        )
        for split, pairs in repeated.items()
        for label, values in _values(pairs)
    ]
    return Table(columns, rows)


def _values(pairs: list) -> list:
    simulated, packed = map(list, zip(*pairs, strict=True))
    difference = [theirs - ours for ours, theirs in pairs]
    return [
        *zip(DETECTORS, (simulated, packed), strict=True),
        ('packed less simulated', difference),
    ]


def _agreement(splits: Mapping) -> Table:
    columns = [
        Column('split', 'split'),
        Column('boxes, simulated and packed', 'boxes', '{} and {}'),
        Column('matched', 'matched', '{:.1f} %', 100),
        Column('difference of scores, mean and largest', 'scores', '{:.4f} and {:.4f}'),
        Column('ms per image, simulated and packed', 'ms', '{:.0f} and {:.0f}'),
    ]
    rows = [
        dict(
            split=split,
            boxes=found.found,
            matched=found.share,
            scores=found.score_difference,
            ms=found.milliseconds,
        )
        for split, found in splits.items()
    ]
    return Table(columns, rows)


def _size(sizes: Mapping) -> Table:
    columns = [
        Column('', 'file'),
        Column('MB', 'bytes', '{:.2f}', 1e-6),
        Column('times the packed file', 'ratio', '{:.1f}'),
    ]
    labels = dict(
        packed='packed', checkpoint='checkpoint of the training', twin='weights of the float twin'
    )
    rows = [
        dict(file=labels[key], bytes=size, ratio=size / sizes['packed'])
        for key, size in (
            ('packed', sizes['packed']),
            ('twin', sizes['float twin']),
            ('checkpoint', sizes['checkpoint']),
        )
    ]
    return Table(columns, rows)
