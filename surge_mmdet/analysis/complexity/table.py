"""Reports of complexity as text, Markdown, CSV and JSON."""

from pathlib import Path

from ...text import aligned
from ..tables import Column, Table, write_csv, write_json
from .report import Report

M, G = 1e-6, 1e-9

LAYERS = (
    Column('layer', 'layer'),
    Column('type', 'type'),
    Column('bits', 'bits'),
    Column('calls', 'calls'),
    Column('FLOPs M', 'flops', '{:.3f}', M),
    Column('BOPs M', 'bops', '{:.3f}', M),
    Column('OPs M', 'ops', '{:.3f}', M),
    Column('other M', 'other', '{:.3f}', M),
    Column('binary', 'binary_parameters'),
    Column('real', 'real_parameters'),
    Column('scales', 'scales'),
    Column('buffers', 'buffers'),
    Column('MB', 'megabytes', '{:.4f}'),
    Column('FP32 FLOPs M', 'fp32_flops', '{:.3f}', M),
    Column('FP32 MB', 'fp32_megabytes', '{:.4f}'),
)
DETECTORS = (
    Column('config', 'name'),
    Column('input', 'input'),
    Column('parameters M', 'fp32_parameters', '{:.2f}', M),
    Column('of these binary M', 'binary_parameters', '{:.2f}', M),
    Column('MB', 'megabytes', '{:.2f}'),
    Column('FP32 MB', 'fp32_megabytes', '{:.2f}'),
    Column('ratio', 'size_ratio', '{:.2f}'),
    Column('FLOPs G', 'flops', '{:.2f}', G),
    Column('BOPs G', 'bops', '{:.2f}', G),
    Column('OPs G', 'ops', '{:.2f}', G),
    Column('FP32 OPs G', 'fp32_flops', '{:.2f}', G),
    Column('ratio', 'ops_ratio', '{:.2f}'),
)


def layers_text(report: Report) -> str:
    """A line per module: operations in millions, size in 10^6 bytes."""
    table = Table(LAYERS, [*report.layer_rows(), report.total_row()])
    return '\n'.join(aligned([[column.title for column in LAYERS], *table.cells()], left=2))


def totals_text(report: Report) -> str:
    """Totals of a report in words, with the sum that get_flops.py prints."""
    own, twin, row = report.own, report.twin, report.summary()
    names = ('FLOPs', 'BOPs', 'OPs', 'binary parameters', 'real parameters', 'scales + buffers')
    lines = [('detector', *names, 'MB')]
    for name, part in (('as configured', own), ('FP32 twin', twin)):
        rest = part.total('scales') + part.total('buffers')
        numbers = (part.flops, part.bops, part.ops, part.binary_weights)
        counts = [f'{n:,.0f}' for n in (*numbers, part.total('real_parameters'), rest)]
        lines.append((name, *counts, f'{part.megabytes:.3f}'))
    return '\n'.join(
        [
            f'{report.config}: one image, {report.input_text()}',
            '\n'.join('  '.join(f'{cell:>18}' for cell in line) for line in lines),
            f"mmdet's get_flops.py on the twin: {twin.flops:,} + "
            f'{row["other"]:,} other = {row["get_flops_total"]:,}, '
            f'{row["fp32_parameters"]:,} parameters',
        ]
    )


def detectors_table(reports: list) -> Table:
    """A row per report: size and operations against the FP32 twin."""
    rows = []
    for report in reports:
        row = report.summary()
        row |= {
            'name': Path(report.config).stem,
            'input': report.input_text(),
            'size_ratio': row['fp32_megabytes'] / row['megabytes'],
            'ops_ratio': row['fp32_flops'] / row['ops'],
        }
        rows.append(row)
    return Table(DETECTORS, rows)


def write(reports: list, out: str) -> list:
    """Write CSV and JSON; returns the paths.

    Args:
        reports (list[Report]): One gives a CSV row per layer and a total,
            several a CSV row per config. JSON holds both.
        out (str): ``x.csv`` or ``x.json`` for one file, ``x`` for both.
    """
    path = Path(out)
    if path.suffix in ('.csv', '.json'):
        paths = [path]
    else:
        paths = [Path(f'{out}.csv'), Path(f'{out}.json')]
    for path in paths:
        if path.suffix == '.csv':
            write_csv(_csv_rows(reports), path)
        else:
            write_json([{**r.summary(), 'layers': r.layer_rows()} for r in reports], path)
    return paths


def _csv_rows(reports: list) -> list:
    if len(reports) > 1:
        return [report.summary() for report in reports]
    return [*reports[0].layer_rows(), reports[0].total_row()]
