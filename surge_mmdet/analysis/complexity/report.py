"""Reports of :mod:`.complexity` as text, CSV, JSON and Markdown."""

import csv
import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Optional

import torch

from .complexity import Complexity, detector_complexity, real_twin

SUMS = ('binary_parameters', 'real_parameters', 'scales', 'buffers')
EXAMPLE = 'configs/faster_rcnn/faster-rcnn_r18_fpn_surge_4x3e_voc0712.py'
MMDET_EXAMPLE = 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'


@dataclass(frozen=True)
class Report:
    """Complexity of the detector of one config, and of its FP32 twin."""

    config: str
    shape: tuple
    own: Complexity

    @property
    def twin(self) -> Complexity:
        """The same structure with every layer in float32."""
        return real_twin(self.own)

    def input_text(self) -> str:
        """Input size, padding and proposals in words."""
        padded = self.own.input_shape
        text = f'{self.shape[0]}x{self.shape[1]}'
        if padded != self.shape:
            text += f' padded to {padded[0]}x{padded[1]}'
        if self.own.proposals is not None:
            text += f', {self.own.proposals} proposals'
        return text


def config_report(
    path: str, shape: Optional[tuple] = None, options: Optional[dict] = None
) -> Report:
    """Build the detector of a config and count it.

    Args:
        path (str): A config file, or ``mmdet::`` and one that mmdet ships.
        shape (tuple | None): (height, width) of the image in pixels; None
            takes the scale of the config's test pipeline.
        options (dict | None): Overrides, as ``--cfg-options``.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If the model cannot be built, is no detector or fails on
            the input.
    """
    from mmdet.models.detectors.base import BaseDetector

    cfg = load_config(path)
    cfg.merge_from_dict(options or {})
    # Random weights decide how many proposals survive: the same each time.
    torch.manual_seed(0)
    model = build_model(cfg, path)
    if not isinstance(model, BaseDetector):
        raise ValueError(
            f'{path}: {type(model).__name__} is no detector, and get_ops '
            f'counts detectors. Write get_ops.py {EXAMPLE}'
        )
    shape = tuple(shape) if shape else pipeline_shape(cfg, path)
    return Report(str(path), shape, detector_complexity(model, *shape, other=True))


def build_model(cfg, path: str):
    """The model of a config, in the scope that the config asks for."""
    from mmdet.registry import MODELS
    from mmengine.registry import init_default_scope

    init_default_scope(cfg.get('default_scope', 'mmdet'))
    try:
        return MODELS.build(cfg.model)
    except Exception as error:
        raise ValueError(f'{path}: the model cannot be built: {error}') from error


def load_config(path: str):
    """The config at ``path``, or one of mmdet as ``mmdet::folder/name.py``."""
    from mmengine.config import Config

    check_config(path)
    if '::' not in str(path):
        return Config.fromfile(path)
    try:  # as a _base_, which MMEngine looks up in mmdet
        return Config.fromstring(f'_base_ = {path!r}', '.py')
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{error}. Write mmdet:: and a config that mmdet ships: {MMDET_EXAMPLE}'
        ) from error


def check_config(path: str) -> None:
    """Raise FileNotFoundError with the nearest config that exists."""
    if '::' in str(path) or (Path(path).is_file() and Path(path).suffix == '.py'):
        return
    near = [
        str(p)
        for p in Path('configs').rglob('*.py')
        if '_base_' not in p.parts and not p.stem.startswith('plan_')
    ]
    guess = (get_close_matches(str(path), near, 1, 0.3) or [EXAMPLE])[0]
    raise FileNotFoundError(f'{path} is not a config file. Write {guess}')


def pipeline_shape(cfg, path: str) -> tuple:
    """(height, width) that the config's test pipeline resizes to."""
    data = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    scale = next((step['scale'] for step in data.get('pipeline', ()) if 'scale' in step), None)
    if not (
        isinstance(scale, (tuple, list))
        and len(scale) == 2
        and all(isinstance(side, int) for side in scale)
    ):
        raise ValueError(
            f'{path} has no test pipeline with a scale (width, '
            f'height). Write get_ops.py {path} --shape 600 1000 '
            '(height width)'
        )
    # A pair with keep_ratio bounds the long and the short side.
    return tuple(reversed(scale))


def layer_row(row) -> dict:
    """Exact numbers of one layer, and of its FP32 twin."""
    own = Complexity((row,))
    return {
        'layer': row.name,
        'type': row.kind,
        'bits': 1 if row.binary else 32,
        'calls': row.calls,
        **_numbers(own),
        **_twin_numbers(own),
    }


def total_row(name: str, own: Complexity) -> dict:
    """The columns of :func:`layer_row` for a whole detector."""
    return {
        'layer': name,
        'type': '',
        'bits': '',
        'calls': own.total('calls'),
        **_numbers(own),
        **_twin_numbers(own),
    }


def _numbers(own: Complexity) -> dict:
    return {
        'flops': own.flops,
        'bops': own.bops,
        'ops': own.ops,
        'other': own.total('other'),
        **{name: own.total(name) for name in SUMS},
        'megabytes': own.megabytes,
    }


def _twin_numbers(own: Complexity) -> dict:
    twin = real_twin(own)
    return {'fp32_flops': twin.flops, 'fp32_megabytes': twin.megabytes}


def summary(report: Report) -> dict:
    """Everything about a report but its layers, with exact numbers."""
    own, twin = report.own, report.twin
    return {
        'config': report.config,
        'height': report.shape[0],
        'width': report.shape[1],
        'padded_height': own.input_shape[0],
        'padded_width': own.input_shape[1],
        'proposals': own.proposals,
        **_numbers(own),
        **_twin_numbers(own),
        'fp32_parameters': twin.total('real_parameters'),
        'get_flops_total': twin.flops + own.total('other'),
    }


def layers_text(report: Report) -> str:
    """A line per module: operations in millions, size in 10^6 bytes."""
    lines = [
        (
            'layer',
            'type',
            'bits',
            'calls',
            'FLOPs M',
            'BOPs M',
            'OPs M',
            'other M',
            'binary',
            'real',
            'scales',
            'buffers',
            'MB',
            'FP32 FLOPs M',
            'FP32 MB',
        )
    ]
    rows = [layer_row(row) for row in report.own.layers]
    for row in [*rows, total_row('total', report.own)]:
        millions = [f'{row[k] / 1e6:.3f}' for k in ('flops', 'bops', 'ops', 'other')]
        lines.append(
            (
                row['layer'],
                row['type'],
                str(row['bits']),
                str(row['calls']),
                *millions,
                *(str(row[name]) for name in SUMS),
                f'{row["megabytes"]:.4f}',
                f'{row["fp32_flops"] / 1e6:.3f}',
                f'{row["fp32_megabytes"]:.4f}',
            )
        )
    return _aligned(lines)


def _aligned(lines: list) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return '\n'.join(
        '  '.join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def totals_text(report: Report) -> str:
    """Totals of a report in words, with the sum that get_flops.py prints."""
    own, twin, row = report.own, report.twin, summary(report)
    names = (
        'detector',
        'FLOPs',
        'BOPs',
        'OPs',
        'binary parameters',
        'real parameters',
        'scales + buffers',
        'MB',
    )
    lines = [names]
    for name, part in (('as configured', own), ('FP32 twin', twin)):
        lines.append(
            (
                name,
                f'{part.flops:,}',
                f'{part.bops:,}',
                f'{part.ops:,.0f}',
                f'{part.binary_weights:,}',
                f'{part.total("real_parameters"):,}',
                f'{part.total("scales") + part.total("buffers"):,}',
                f'{part.megabytes:.3f}',
            )
        )
    return '\n'.join(
        [
            f'{report.config}: one image, {report.input_text()}',
            '\n'.join('  '.join(f'{cell:>18}' for cell in line) for line in lines),
            f"mmdet's get_flops.py on the twin: {twin.flops:,} + "
            f'{row["other"]:,} other = {row["get_flops_total"]:,}, '
            f'{row["fp32_parameters"]:,} parameters',
        ]
    )


def markdown(reports: list) -> str:
    """One line per report: size and operations against the FP32 twin."""
    lines = [
        '| config | input | parameters M | of these binary M | MB | '
        'FP32 MB | ratio | FLOPs G | BOPs G | OPs G | FP32 OPs G | '
        'ratio |',
        '|---' * 12 + '|',
    ]
    for report in reports:
        own, twin = report.own, report.twin
        parameters = twin.total('real_parameters')
        cells = [
            Path(report.config).stem,
            report.input_text(),
            f'{parameters / 1e6:.2f}',
            f'{own.binary_weights / 1e6:.2f}',
            f'{own.megabytes:.2f}',
            f'{twin.megabytes:.2f}',
            f'{twin.megabytes / own.megabytes:.2f}',
            f'{own.flops / 1e9:.2f}',
            f'{own.bops / 1e9:.2f}',
            f'{own.ops / 1e9:.2f}',
            f'{twin.ops / 1e9:.2f}',
            f'{twin.ops / own.ops:.2f}',
        ]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def write(reports: list, out: str) -> list:
    """Write CSV and JSON; returns the paths.

    Args:
        reports (list[Report]): One gives a CSV row per layer and a total,
            several a CSV row per config. JSON holds both.
        out (str): ``x.csv`` or ``x.json`` for one file, ``x`` for both.
    """
    path = Path(out)
    paths = (
        [path] if path.suffix in ('.csv', '.json') else [Path(f'{out}.csv'), Path(f'{out}.json')]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    for path in paths:
        writer = _write_csv if path.suffix == '.csv' else _write_json
        writer(reports, path)
    return paths


def _write_csv(reports: list, path: Path) -> None:
    rows = [summary(report) for report in reports]
    if len(reports) == 1:
        rows = [layer_row(row) for row in reports[0].own.layers]
        rows.append(total_row('total', reports[0].own))
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _write_json(reports: list, path: Path) -> None:
    content = [
        {**summary(report), 'layers': [layer_row(row) for row in report.own.layers]}
        for report in reports
    ]
    path.write_text(json.dumps(content, indent=1) + '\n')
