"""The table of a fidelity measurement."""

from ..tables import Column, Table

COLUMNS = (
    Column('layer', 'layer'),
    Column('method', 'method'),
    Column('slope', 'slope', '{:.2g}'),
    Column('95 %', 'slope_interval', '{:.2g} to {:.2g}'),
    Column('minus STE', 'difference', '{:+.2g}'),
    Column('95 %', 'difference_interval', '{:+.2g} to {:+.2g}'),
    Column('cosine', 'cosine', '{:.3f}'),
    Column('relative error', 'error', '{:.3g}'),
    Column('length', 'growth', '{:.2g}'),
)


def fidelity_table(found: dict) -> Table:
    """A row per layer and method.

    Args:
        found (dict): Layer to label to :class:`Fidelity`.
    """
    return Table(
        COLUMNS,
        [
            dict(layer=layer, method=label, **vars(fidelity))
            for layer, rows in found.items()
            for label, fidelity in rows.items()
        ],
    )
