"""One row per trained detector: accuracy, size, operations, time."""

import contextlib
import io
import json
from pathlib import Path
from statistics import median

import numpy as np

from ..complexity import detector_complexity
from ..loading import build_model, pipeline_shape, trained_config
from ..tables import SHORT, Column, Table
from .training_log import read_scalars, split_rows

RESIZE = "dict(type='Resize', scale=(320, 240), keep_ratio=True) into its test_pipeline"
TIME = ('s/step', 'iterations', 'skipped steps')


def coco_accuracy(ground_truth, detections) -> dict:
    """AP, AP50 and AP50 per class from COCO JSON files.

    Args:
        ground_truth, detections (str | Path): ``<prefix>.gt.json`` and
            ``<prefix>.bbox.json``, as mmdet's CocoMetric writes them.

    Returns:
        dict: ``AP``, ``AP50`` and ``AP50/<class>``, each in [0, 1].
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(ground_truth))
        if not json.loads(Path(detections).read_text()):  # found nothing
            names = [cat['name'] for cat in truth.cats.values()]
            return dict.fromkeys(['AP', 'AP50', *(f'AP50/{name}' for name in names)], 0.0)
        evaluation = COCOeval(truth, truth.loadRes(str(detections)), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    found = {'AP': float(evaluation.stats[0]), 'AP50': float(evaluation.stats[1])}
    precision = evaluation.eval['precision'][0, :, :, 0, -1]
    for index, cat in enumerate(evaluation.params.catIds):
        values = precision[:, index]
        values = values[values > -1]
        name = truth.cats[cat]['name']
        found[f'AP50/{name}'] = float(np.mean(values)) if len(values) else 0.0
    return found


def run_row(work_dir, prefix: str = 'test') -> dict:
    """Everything known about the run in ``work_dir``.

    Needs the training's config and log, and the files
    ``<prefix>.{gt,bbox}.json`` that a test with ``--cfg-options
    test_evaluator.outfile_prefix=<work_dir>/<prefix>`` leaves.

    Raises:
        FileNotFoundError, ValueError: The text shows the corrected line.
    """
    folder = Path(work_dir)
    truth, found = (folder / f'{prefix}.{kind}.json' for kind in ('gt', 'bbox'))
    for file in (truth, found):
        if not file.is_file():
            raise FileNotFoundError(
                f'{file} is missing: no test has left its detections. Run python tools/test.py '
                f'CONFIG CHECKPOINT --work-dir {folder} --cfg-options '
                f'test_evaluator.outfile_prefix={folder}/{prefix}'
            )
    row = coco_accuracy(truth, found)
    row.update(_size_row(folder))
    train, _ = split_rows(read_scalars(folder))
    row['s/step'] = median(r['time'] for r in train)
    row['iterations'] = train[-1]['iter']
    row['skipped steps'] = train[-1].get('surge.skipped_steps', 0)
    return row


def _size_row(folder: Path) -> dict:
    cfg = trained_config(folder)
    height, width = pipeline_shape(cfg, str(folder), RESIZE)
    own = detector_complexity(build_model(cfg, str(folder)), height, width)
    twin = own.fp32_twin
    return {
        'packed MB': own.megabytes,
        'float MB': twin.megabytes,
        'FLOPs G': own.flops / 1e9,
        'BOPs G': own.bops / 1e9,
        'OPs G': own.ops / 1e9,
        'float OPs G': twin.ops / 1e9,
    }


def rows_tables(rows: dict) -> dict:
    """Rows by label as three tables: ``accuracy``, ``size`` and ``time``."""
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    parts = dict(accuracy=[c for c in columns if c.startswith('AP')], size=[], time=list(TIME))
    parts['size'] = [c for c in columns if c not in (*parts['accuracy'], *TIME)]
    labelled = [dict(row, label=label) for label, row in rows.items()]
    return {name: rows_table(labelled, part) for name, part in parts.items()}


def rows_table(labelled: list, columns: list) -> Table:
    """Rows with a ``label``; numbers with three digits."""
    return Table([Column('', 'label'), *(Column(c, c, SHORT) for c in columns)], labelled)
