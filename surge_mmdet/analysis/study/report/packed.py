"""What the packed detectors of a comparison reach, beside the simulated ones of the same runs."""

from functools import partial
from statistics import mean

from ...tables import Column, Table
from ..statistics import spread, without_nan
from .gather import Section

CHANGE = '{:+.4f} ± {:.4f}'


def packed_table(section: Section) -> Table:
    """A row for each method with runs whose packed detector was validated.

    Both APs are of the same runs: those that diverged, and those of releases
    that did not validate it, are in neither. What could not be packed has the
    reason in its row.

    Args:
        section (Section): The runs.
    """
    columns = [
        Column('method', 'method'),
        Column('runs', 'runs'),
        Column('AP, simulated', 'simulated', '{:.4f}'),
        Column('AP, packed', 'packed', '{:.4f}'),
        Column('packed - simulated', 'change', CHANGE),
        Column('AP50, packed - simulated', 'change50', CHANGE),
        Column('file MB', 'bytes', '{:.2f}', 1e-6),
    ]
    rows = [row for row in map(partial(_row, section), section.methods) if row]
    why = [Column('not packed', 'why')] * any('why' in row for row in rows)
    return Table([*columns, *why], rows)


def _row(section: Section, method: str) -> dict:
    rows = [row for row in section.seeds(method) if row.packed_ap is not None]
    reasons = {row.not_packed: None for row in section.seeds(method) if row.not_packed}
    why = {'why': '; '.join(reasons)} if reasons else {}
    if not rows:
        return dict(method=method, runs=0, **why) if why else {}
    return {
        'method': method,
        'runs': len(rows),
        'simulated': mean(row.ap for row in rows),
        'packed': mean(row.packed_ap for row in rows),
        'change': without_nan(spread([row.packed_ap - row.ap for row in rows])),
        'change50': without_nan(spread([row.packed_ap50 - row.ap50 for row in rows])),
        'bytes': max(row.packed_bytes for row in rows),
        **why,
    }
