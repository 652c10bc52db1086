"""The tables of a report."""

from collections.abc import Mapping, Sequence
from math import isnan
from statistics import median
from typing import Optional

from ...rounds import RATIO
from ...tables import Column, Table
from ..runs import PLUS_MINUS, described
from ..statistics import Difference, spread, without_nan
from .comparisons import Compared
from .gather import DIVERGED, FAILED, SEEDS, Row, Section

INTERVAL = '{:+.3f} [{:+.3f}, {:+.3f}]'


def headline(compared: Compared) -> Table:
    """Each method's AP and AP50, and whether its AP differs from the baseline's."""
    section = compared.section
    base = section.plan.baseline
    columns = [
        Column('method', 'method'),
        Column('seeds', 'seeds'),
        Column('AP', 'AP', PLUS_MINUS),
        Column('AP50', 'AP50', PLUS_MINUS),
        Column(f'AP - {base}', 'difference', '{:+.3f}'),
        Column('differs', 'differs'),
        Column('learning rate', 'lr'),
    ]
    rows = [_headline_row(compared, method) for method in section.methods]
    return Table(columns, rows)


def _headline_row(compared: Compared, method: str) -> dict:
    section = compared.section
    row = dict(method=method, seeds=seeds_text(section, method), lr=_rate(section, method))
    for key, metric in (('AP', 'ap'), ('AP50', 'ap50')):
        values = list(section.values(method, metric).values())
        row[key] = without_nan(spread(values)) if values else None
    if method == section.plan.baseline:
        return dict(row, differs='baseline')
    found = compared.of_baseline(method)
    return dict(row, difference=_number(found.mean), differs=verdict(found))


def seeds_text(section: Section, method: str) -> str:
    """How many seeds count, and what happened to them."""
    rows = section.seeds(method)
    count = {status: sum(r.status == status for r in rows) for status in (DIVERGED, FAILED)}
    told = [f'{number} {status}' for status, number in count.items() if number]
    return ', '.join([str(len(rows) - count[FAILED]), *told])


def _rate(section: Section, method: str) -> Optional[str]:
    if method not in section.best:
        return None
    return f'{section.best[method]:g}' + ' (edge)' * section.at_edge(method)


def verdict(found: Difference) -> str:
    """What the corrected test says: ``above``, ``below``, ``not resolved``."""
    if isnan(found.p):
        return 'too few seeds' if len(found.values) < 2 else 'no spread'
    if not found.resolved:
        return 'not resolved'
    return 'above' if found.mean > 0 else 'below'


def comparisons(compared: Compared) -> Table:
    """Every paired difference of AP, with both kinds of intervals and p values."""
    columns = [
        Column('method', 'method'),
        Column('minus', 'base'),
        Column('pairs', 'pairs'),
        Column('AP difference [95 %, this one alone]', 'alone', INTERVAL),
        Column('[95 %, all together]', 'together', '[{:+.3f}, {:+.3f}]'),
        Column('p', 'p', '{:.2g}'),
        Column("p, Holm's correction", 'adjusted', '{:.2g}'),
        Column('differs', 'differs'),
    ]
    return Table(columns, [_comparison_row(found) for found in compared.all])


def _comparison_row(found: Difference) -> dict:
    centre, half, wide = found.mean, found.half, found.wide
    return dict(
        method=found.method,
        base=found.base,
        pairs=len(found.values),
        alone=without_nan([centre, centre - half, centre + half]),
        together=without_nan([centre - wide, centre + wide]),
        p=_number(found.p),
        adjusted=_number(found.adjusted),
        differs=verdict(found),
        family=found.family,
    )


def costs(section: Section, measured: Optional[Mapping]) -> Table:
    """What each method costs, in training and as it is used.

    Args:
        section (Section): Whose runs tell the costs of training.
        measured (Mapping | None): ``costs.json``.
    """
    on_gpu = any(row.cuda for row in section.rows)
    gpu = [Column('training, GPU MiB', 'cuda', '{:.0f}')] if on_gpu else []
    columns = [
        Column('method', 'method'),
        Column('training, s / epoch', 'seconds', '{:.1f}'),
        Column('whole training, min', 'wall', '{:.1f}', 1 / 60),
        Column('training, MiB', 'resident', '{:.0f}'),
        *gpu,
        Column('OPs G', 'ops', '{:.3f}', 1e-9),
        Column('MB, computed', 'megabytes', '{:.2f}'),
        Column('file MB', 'bytes', '{:.2f}', 1e-6),
        Column('ms / image', 'seconds per image', '{:.2f}', 1e3),
        Column(f'x {section.plan.baseline} (25-75 %)', 'ratio', RATIO),
        Column('runs as', 'form'),
    ]
    return Table(columns, [_cost_row(section, m, measured) for m in section.methods])


def _cost_row(section: Section, method: str, measured: Optional[Mapping]) -> dict:
    rows = [row for row in section.rows if row.run.method == method]
    walls = [row.wall for row in rows if row.wall and row.part == SEEDS]
    known = (measured or {}).get('methods', {}).get(method, {})
    return dict(
        method=method,
        seconds=seconds_per_epoch(rows),
        wall=median(walls) if walls else None,
        resident=max((row.resident for row in rows if row.resident), default=None),
        cuda=max((row.cuda for row in rows if row.cuda), default=None),
        **known,
    )


def seconds_per_epoch(rows: Sequence) -> Optional[float]:
    """Median over the runs that tell both their time and their epochs."""
    each = [row.seconds / row.epochs for row in rows if row.seconds and row.epochs]
    return median(each) if each else None


def lost_runs(sections: Sequence) -> Table:
    """Every run that failed or diverged."""
    columns = [
        Column('run', 'run'),
        Column('for', 'part'),
        Column('ended', 'status'),
        Column('why', 'why'),
    ]
    rows = [
        dict(run=f'`{row.run.name}`', part=row.part, status=row.status, why=_why(row))
        for section in sections
        for status in (FAILED, DIVERGED)
        for row in section.lost(status)
    ]
    return Table(columns, rows)


def _why(row: Row) -> str:
    if row.status == DIVERGED:
        return 'the loss was not finite in too many steps; counts as AP 0'
    lines = [line for line in str(row.failed).splitlines() if line.strip()]
    return (lines[-1].strip() if lines else 'no text was left').replace('|', '/')


def _number(value: float) -> Optional[float]:
    return None if isnan(value) else value


def run_rows(sections: Sequence) -> list:
    """One dict per run, for CSV: what was trained, how it ended, what it took."""
    return [
        dict(
            section=section.title,
            **vars(row.run),
            part=row.part,
            status=row.status,
            AP=_number(row.ap),
            AP50=_number(row.ap50),
            packed_AP=row.packed_ap,
            packed_AP50=row.packed_ap50,
            packed_bytes=row.packed_bytes,
            not_packed=row.not_packed,
            skipped_steps=row.skipped,
            epochs=row.epochs,
            seconds=row.seconds,
            wall_seconds=row.wall,
            peak_rss_mb=row.resident,
            peak_cuda_mb=row.cuda,
            failed=_why(row) if row.failed else None,
            **described(row.trained),
        )
        for section in sections
        for row in section.rows
    ]
