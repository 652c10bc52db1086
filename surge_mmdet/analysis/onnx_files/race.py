"""Time from an image to boxes: exported files, float twin and packed detector by turns."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Optional

import numpy as np
import onnx
import onnxruntime

from ...deploy.format import PackedFile
from ...deploy.onnx_export.verify import packed_detector
from ...onnx_detector import OnnxDetector
from ...onnx_detector.image import prepare, read_image
from ..rounds import RATIO, ratio, take_turns
from ..tables import Column, Table
from .files import EXPANDED, PLAIN, TWIN
from .runtimes import RUNTIMES

COLUMNS = [
    Column('', 'contestant'),
    Column('file', 'file'),
    Column('ms', 'seconds', '{:.1f}', 1e3),
    Column("time over the float twin's in this runtime (25-75 %)", 'ratio', RATIO),
    Column('regions', 'regions'),
]
PACKED = 'load_packed'


def times_table(
    content: PackedFile, paths: Mapping, image: Path, rounds: int, warmup: int = 3
) -> Table:
    """A row per contestant, on one thread.

    Args:
        content (PackedFile): The detector.
        paths (Mapping[str, Path]): Of :func:`files.written`.
        image (Path): To detect in.
        rounds, warmup (int): Rounds that count, and those before.
    """
    from mmdet.apis import inference_detector

    array, model = read_image(image), packed_detector(content)
    turns = {
        (runtime, label): _turn(detector(paths[label], 1), array)
        for runtime, detector in RUNTIMES.items()
        for label in (PLAIN, EXPANDED, TWIN)
    }
    turns[PACKED, PLAIN] = _turn(lambda image: inference_detector(model, image), array)
    seconds = take_turns(turns, rounds, warmup)
    regions = {label: region_count(path, array) for label, path in paths.items()}
    rows = []
    for (runtime, label), each in seconds.items():
        twin = seconds.get((runtime, TWIN), seconds['ONNX Runtime', TWIN])
        rows.append(
            dict(
                contestant=runtime,
                file=label,
                seconds=median(each),
                ratio=ratio(each, twin),
                regions=regions[label],
                values=each,
            )
        )
    return Table(COLUMNS, rows)


def _turn(detect: Callable, image: np.ndarray) -> Callable:
    def turn() -> float:
        start = time.perf_counter()
        detect(image)
        return time.perf_counter() - start

    return turn


def region_count(path: Path, image: np.ndarray) -> Optional[int]:
    """Regions that reach the second stage of a file; None if it has none."""
    model = onnx.load(path)
    boxes = [node.input[1] for node in model.graph.node if node.op_type == 'RoiAlign']
    if not boxes:
        return None
    detector = OnnxDetector(path, 1)
    given = prepare(image, detector.recipe)[0] if detector.prepares else image
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in boxes)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return sum(len(each) for each in session.run(boxes, {'image': given}))
