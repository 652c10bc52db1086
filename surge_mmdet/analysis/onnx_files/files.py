"""The files that a detector is exported to, and its float twin's."""

from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch import nn

from ...deploy.config_text import from_text
from ...deploy.format import PackedFile
from ...deploy.load import build_detector, packed_structure
from ...deploy.onnx_export import export
from ...deploy.publish import packed_content
from ..inference_cost.detectors.models import set_norms
from ..tables import Column, Table

PLAIN, INSIDE, EXPANDED, TWIN = '1 bit', '1 bit, --preprocess', '1 bit, --expand', 'float twin'
OPTIONS = {PLAIN: {}, INSIDE: dict(preprocess=True), EXPANDED: dict(expand=True)}
COLUMNS = [
    Column('', 'file'),
    Column('MB', 'bytes', '{:.2f}', 1e-6),
    Column('times the packed file', 'ratio', '{:.2f}'),
]


class Written(NamedTuple):
    """Exported files.

    Attributes:
        paths (dict[str, Path]): By what is in them.
        table (Table): Of their sizes.
    """

    paths: dict
    table: Table


def written(content: PackedFile, packed: int, folder: Path, image: Path) -> Written:
    """Export a detector in its forms, and its float twin.

    Args:
        content (PackedFile): The detector.
        packed (int): Bytes of its packed file.
        folder (Path): Where to.
        image (Path): From which the norms of the twin take their statistics.
    """
    paths, rows = {}, [dict(file='packed', bytes=packed, ratio=1.0)]
    jobs = {label: (content, options) for label, options in OPTIONS.items()}
    jobs[TWIN] = twin_content(content, image), {}
    for number, (label, (source, options)) in enumerate(jobs.items()):
        paths[label] = folder / f'{number}.onnx'
        size = export(source, paths[label], **options).size
        rows.append(dict(file=f'ONNX, {label}', bytes=size, ratio=size / packed))
    return Written(paths, Table(COLUMNS, rows))


def twin_content(content: PackedFile, image: Path) -> PackedFile:
    """The same detector with every layer real and random weights, stored alike."""
    torch.manual_seed(0)
    twin = build_detector(Config(_real(from_text(content.config, 'the packed detector'))))
    twin.init_weights()
    set_norms(twin, [_batch(twin, image)])
    twin.dataset_meta = content.dataset_meta
    packed_structure(twin, real_too=True)
    return packed_content(twin, content.real)


def _real(node):
    """A config whose modules keep every layer real."""
    if isinstance(node, dict):
        return {key: None if key == 'policy' else _real(value) for key, value in node.items()}
    return [_real(value) for value in node] if isinstance(node, list) else node


def _batch(model: nn.Module, image: Path) -> dict:
    from mmcv.transforms import Compose
    from mmdet.utils import get_test_pipeline_cfg

    data = Compose(get_test_pipeline_cfg(model.cfg))(dict(img_path=str(image), img_id=0))
    return {key: [value] for key, value in data.items()}
