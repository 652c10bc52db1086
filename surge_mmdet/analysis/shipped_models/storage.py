"""What the storage of real weights does to a packed detector: bytes, time, boxes, AP."""

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median, stdev
from tempfile import TemporaryDirectory

from torch import nn

from ...deploy import format as packed_format
from ...deploy import load_packed
from ...deploy.agreement import agreement
from ...deploy.checkpoint import open_checkpoint
from ...deploy.load import packed_structure
from ...deploy.publish import before_signs, float_bytes, packed_content
from ...deploy.verify import average_precision, detect, image_ids, image_paths
from ..tables import Column, Table
from .data import split_data, truth
from .measure import SHIFT

STORED = ('float32', 'float16', 'int8')
OTHER = ('int8, but float32 in front of signs', 'int8, in front of signs too')


def storages(checkpoint, config: str) -> tuple:
    """(bytes of the float twin, label to :class:`PackedFile`), the ways to store real weights.

    Besides those of ``--real``, the two other choices for weights in front of
    binary layers, which ``int8`` stores as float16.
    """
    model = open_checkpoint(checkpoint, config)
    twin = float_bytes(model)
    packed_structure(model)
    front = before_signs(model)
    found = {real: packed_content(model, real) for real in STORED}
    for label, exact in zip(OTHER, (front, ()), strict=True):
        found[label] = packed_content(model, 'int8', set(), exact)
    return twin, found


def storage_table(name: str, checkpoint, config: Path, shifts: int) -> Table:
    """A row per storage, each held against float32.

    Args:
        name (str): Key of :data:`data.SPLITS`; its ``test`` is detected.
        checkpoint: Of the training.
        config (Path): Of the detector.
        shifts (int): How often, under shifts of all pixels that only rounding
            sees; two or more.
    """
    twin, contents = storages(checkpoint, str(config))
    with TemporaryDirectory() as folder, truth(split_data(name, 'test', config)) as (images, ann):
        models, sizes = [], []
        for number, content in enumerate(contents.values()):
            path = Path(folder) / f'{number}.safetensors'
            sizes.append(packed_format.write(path, content))
            models.append(load_packed(path))
        seen = [_round(models, images, ann) for _ in range(shifts)]
    rows = [
        dict(storage=label, bytes=size, ratio=twin / size, **row)
        for label, size, row in zip(contents, sizes, _rows(seen), strict=True)
    ]
    return Table(COLUMNS, rows)


COLUMNS = [
    Column('real weights', 'storage'),
    Column('MB', 'bytes', '{:.2f}', 1e-6),
    Column('smaller than the float twin', 'ratio', '{:.1f} times'),
    Column('time', 'time', '{:.2f}'),
    Column('boxes with a partner', 'matched', '{:.1f} %', 100),
    Column('difference of scores, mean and largest', 'scores', '{:.4f} and {:.4f}'),
    Column('mean AP', 'AP', '{:.4f}'),
    Column('less that of float32, ± standard error', 'difference', '{:+.4f} ± {:.4f}'),
]


def _round(models: list, images: list, ann: str) -> dict:
    """All detectors on all images; then each sees pixels that are a little darker."""
    numbers = image_ids(ann, image_paths(images))
    results, times = detect(models, images)
    pairs = [agreement((results[0], each), (times[0], times[i])) for i, each in enumerate(results)]
    found = dict(
        AP=[
            average_precision(*each, numbers, ann)[0] for each in zip(models, results, strict=True)
        ],
        matched=[pair.share for pair in pairs],
        scores=[pair.score_difference for pair in pairs],
        time=[1 / pair.faster[0] for pair in pairs],
    )
    for model in models:
        _shift(model)
    return found


def _shift(model: nn.Module) -> None:
    model.data_preprocessor.mean += SHIFT


def _rows(seen: list[Mapping]) -> list:
    """Over the rounds: medians, means and standard errors, the largest difference of scores."""
    rows = []
    for i in range(len(seen[0]['AP'])):
        aps = [each['AP'][i] for each in seen]
        less = [ap - each['AP'][0] for ap, each in zip(aps, seen, strict=True)]
        scores = list(zip(*(each['scores'][i] for each in seen), strict=True))
        rows.append(
            dict(
                time=median(each['time'][i] for each in seen),
                matched=mean(each['matched'][i] for each in seen),
                scores=[mean(scores[0]), max(scores[1])],
                AP=mean(aps),
                difference=[mean(less), stdev(less) / math.sqrt(len(less))],
                values=aps,
            )
        )
    return rows
