"""AP of each contestant on the config's own test data, by its own metric."""

import contextlib
import copy
import io
from collections.abc import Mapping
from typing import Optional

from .data import test_batches
from .network import OtherSize

AP = ('coco/bbox_mAP', 'pascal_voc/mAP')


def accuracy(cfg, detectors: Mapping, limit: Optional[int] = None) -> dict:
    """Let detectors find the objects of the same test images.

    Args:
        cfg (Config): With ``test_dataloader`` and ``test_evaluator``.
        detectors (Mapping[str, Detector]): By label.
        limit (int | None): Images; None for all.

    Returns:
        dict[str, float | str]: AP by label, or why there is none.

    Raises:
        ValueError: If the config's metric gives no AP of boxes.
    """
    loader = test_batches(cfg, limit)
    evaluators = {label: _evaluator(cfg, loader.dataset.metainfo) for label in detectors}
    why, seen = {}, 0
    for batch in loader:
        seen += 1
        for label, detector in detectors.items():
            if label in why:
                continue
            try:
                found = detector.predict(copy.deepcopy(batch))
            except OtherSize as error:
                why[label] = str(error)
            else:
                evaluators[label].process(found, batch)
    return {label: why.get(label) or _ap(each, seen) for label, each in evaluators.items()}


def _evaluator(cfg, metainfo: dict):
    from mmdet.registry import EVALUATOR

    # Its metrics are built with it, in mmdet's scope.
    found = EVALUATOR.build(dict(type='mmengine.Evaluator', metrics=cfg.test_evaluator))
    found.dataset_meta = metainfo
    return found


def _ap(evaluator, seen: int) -> float:
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        metrics = evaluator.evaluate(seen)
    for name in AP:
        if name in metrics:
            return float(metrics[name])
    raise ValueError(
        f'test_evaluator gives {", ".join(metrics)}, no AP of boxes. Write test_evaluator=dict('
        "type='CocoMetric', metric='bbox')"
    )
