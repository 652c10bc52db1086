"""AP and boxes of exported files beside the packed detector's, on the splits of its card."""

from collections.abc import Mapping
from pathlib import Path

from ...deploy.format import PackedFile
from ...deploy.onnx_export.report import Verified
from ...deploy.onnx_export.verify import compared, packed_detections, packed_detector
from ...deploy.verify import check_images
from ...shipped import Shipped
from ..shipped_models import SPLITS, split_data, truth
from ..tables import Column, Table
from .files import OPTIONS
from .runtimes import RUNTIMES

COLUMNS = [
    Column('split', 'split'),
    Column('images', 'images'),
    Column('runtime', 'runtime'),
    Column('file', 'file'),
    Column('AP, packed and ONNX', 'AP', '{:.3f} and {:.3f}'),
    Column('AP50, packed and ONNX', 'AP50', '{:.3f} and {:.3f}'),
    Column('boxes, packed and ONNX', 'boxes', '{} and {}'),
    Column('matched', 'matched', '{:.1f} %', 100),
    Column('mean difference of scores', 'scores', '{:.4f}'),
]


def agreement_table(model: Shipped, content: PackedFile, paths: Mapping, config: Path) -> Table:
    """A row for each split, runtime and file.

    Args:
        model (Shipped): The packed detector.
        content (PackedFile): Of it.
        paths (Mapping[str, Path]): Of :func:`files.written`.
        config (Path): Of its training, for the splits.
    """
    packed, rows = packed_detector(content), []
    for split in SPLITS[model.name]:
        with truth(split_data(model.name, split, config)) as (images, ann):
            images, numbers = check_images(images, ann)
            want = packed_detections(packed, images)
            for runtime, detector in RUNTIMES.items():
                for label in OPTIONS:
                    exported = detector(paths[label], 1)
                    found = compared(packed, want, exported, images, numbers, ann)
                    rows.append(dict(split=split, runtime=runtime, file=label, **_row(found)))
    return Table(COLUMNS, rows)


def _row(found: Verified) -> dict:
    some = found.matched > 0  # else there are no means
    return dict(
        images=found.images,
        AP=found.ap,
        AP50=found.ap50,
        boxes=found.found,
        matched=found.share if some else None,
        scores=found.score_difference if some else None,
    )
