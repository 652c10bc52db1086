"""Tables of the step benchmarks: ratios round by round, and bytes."""

from statistics import median
from typing import Optional

from ..rounds import RATIO, ratio
from ..tables import Column, Table
from .memory import MIB

MEMORY = {
    'saved': 'saved MiB',
    'allocator': 'allocator peak MiB',
    'resident': 'resident peak MiB',
    'growth': 'its growth MiB',
}


def choose_base(labels: list, wanted: Optional[str] = None) -> str:
    """Label that the ratios refer to: ``wanted``, else STE, else the first.

    Raises:
        ValueError: If ``wanted`` does not take part.
    """
    if wanted is None:
        return 'STE' if 'STE' in labels else labels[0]
    if wanted not in labels:
        raise ValueError(
            f'--base {wanted!r} does not take part; there are '
            f'{", ".join(labels)}. Write --base {labels[0]!r}'
        )
    return wanted


def step_row(row: dict, base: dict) -> dict:
    """Median of the seconds, bytes, and the ratios of both to ``base``.

    Args:
        row, base (dict): ``seconds`` of each round, and bytes by the keys of
            :data:`MEMORY`; None for what the system does not tell.
    """
    found = dict(seconds=median(row['seconds']), ratio=list(ratio(row['seconds'], base['seconds'])))
    for key in MEMORY:
        found[key] = row.get(key)
        known = found[key] is not None and base.get(key)
        found[f'{key} ratio'] = found[key] / base[key] if known else None
    return found


def steps_table(found: dict, base: str) -> Table:
    """A row per method, with ratios to that of the label ``base``."""
    columns = [
        Column('', 'method'),
        Column('s/step', 'seconds', '{:.3f}'),
        Column(f'x {base} (25-75 %)', 'ratio', RATIO),
    ]
    for key, title in MEMORY.items():
        columns.append(Column(title, key, '{:.1f}', 1 / MIB))
        columns.append(Column('x', f'{key} ratio', '{:.2f}'))
    return Table(
        columns,
        [dict(method=label, **step_row(row, found[base])) for label, row in found.items()],
    )


def layers_table(results: dict, base: str) -> Table:
    """A row per method, four columns per layer.

    Args:
        results (dict): Layer to what :func:`steps_table` takes.
        base (str): The label that ratios refer to.
    """
    columns, rows = [Column('', 'method')], {}
    for layer, found in results.items():
        columns += [
            Column(f'{layer}: ms', f'{layer} seconds', '{:.1f}', 1e3),
            Column(f'x {base} (25-75 %)', f'{layer} ratio', RATIO),
            Column('saved MiB', f'{layer} saved', '{:.1f}', 1 / MIB),
            Column('peak MiB', f'{layer} allocator', '{:.1f}', 1 / MIB),
        ]
        for label, row in found.items():
            values = step_row(row, found[base])
            rows.setdefault(label, dict(method=label)).update(
                {
                    f'{layer} {key}': values[key]
                    for key in ('seconds', 'ratio', 'saved', 'allocator')
                }
            )
    return Table(columns, list(rows.values()))
