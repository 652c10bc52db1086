"""The methods side by side: what each asks for, and what it has been measured to give."""

from collections.abc import Mapping
from typing import Optional

from ...methods import METHODS, Method
from ..tables import Column, Table
from .facts import facts, paged_methods, with_surge
from .results import is_row_of

DIFFERENCE = 'AP difference'  # to the baseline, in the table of a study
BASE = METHODS['ste'].label  # studies with another baseline have no column here
FORM = '{:+.3f} ± {:.3f}'
WITH = ', with SURGE'
UP = '../../surge_mmdet/methods.py'  # from docs/guides; the site leads to the method's page


def choice_table(tables: Mapping) -> Table:
    """A row for each method with a page, a pair of columns for each study whose baseline is STE.

    Args:
        tables (Mapping[str, Table]): Of the records.
    """
    studies = {name: table for name, table in tables.items() if _is_study(table)}
    columns = [
        Column('method', 'word'),
        Column('learns', 'learns'),
        Column('changes over training', 'changes'),
        Column('packs', 'packs'),
        *(
            Column(f'{title} ({_words(name)})', f'{name}{more}', FORM)
            for name in studies
            for title, more in ((f'AP - {BASE}', ''), (f'with SURGE, AP - {BASE}', WITH))
        ),
    ]
    rows = [_row(method, studies) for method in paged_methods()]
    return Table([c for c in columns if any(row.get(c.key) for row in rows)], rows)


def _words(name: str) -> str:
    """A record's table as a column calls it: ``study_bccd, AdamW``."""
    return name.removesuffix('_seeds').replace('/', ', ')


def _is_study(table: Table) -> bool:
    """Of several seeds: a difference without an interval chooses nothing."""
    if not any(len(row.get(DIFFERENCE) or ()) > 1 for row in table.rows):
        return False
    return any(c.key == DIFFERENCE and c.title.startswith(f'AP - {BASE},') for c in table.columns)


def _row(method: Method, studies: Mapping) -> dict:
    known, twin = facts(method), with_surge(method)
    row = dict(word=f'[`{method.name}`]({UP})', packs='real layers')
    if known is not None:
        row.update(
            learns=', '.join(known.learned) or None,
            changes='yes' if known.scheduled else None,
            packs='yes' if known.kept is None else 'no',
        )
    for name, table in studies.items():
        row[name] = _difference(table, method)
        row[f'{name}{WITH}'] = _difference(table, twin)
    return row


def _difference(table: Table, method: Optional[Method]) -> Optional[list]:
    if method is None:
        return None
    return next((row.get(DIFFERENCE) for row in table.rows if is_row_of(row, method)), None)
