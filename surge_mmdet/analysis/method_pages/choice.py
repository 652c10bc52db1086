"""The methods side by side: what each asks for, and what it has been measured to give."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

from ...methods import METHODS, Method
from ..tables import Column, Table
from .facts import facts, paged_methods, with_surge
from .labels import CONTROL, is_row_of

DIFFERENCE = 'AP difference'  # to the baseline, in the table of a study
BASE = METHODS['ste'].label  # studies with another baseline have no column here
FORM = '{:+.3f} ± {:.3f}'
WITH = ', with SURGE'
UP = '../../surge_mmdet/methods.py'  # from docs/guides; the site leads to the method's page
STUDIES = {
    'field_bccd/AdamW': '[24 epochs](../results/field.md)',
    'study_bccd/AdamW': '[6 epochs](../results/does_surge_help.md), eta 0.3',
}
# Of few methods, or hardly a second seed: columns of dashes.
OF_FEW = ('other_digits/AdamW', 'other_coco20/AdamW', 'recipe_bccd/AdamW')


def choice_table(tables: Mapping) -> Table:
    """A row for each method with a page, a pair of columns for each study whose baseline is STE.

    A study that has a table of comparisons gives the verdict after its
    correction, another one the interval of each difference by itself.

    Args:
        tables (Mapping[str, Table]): Of the records.
    """
    found = {name.removesuffix('_seeds'): t for name, t in tables.items() if _is_study(t)}
    studies = {name: table for name, table in found.items() if name not in OF_FEW}
    corrected = {name: tables.get(f'{name}_comparisons') for name in studies}
    columns = [
        Column('method', 'word'),
        Column('learns', 'learns'),
        Column('changes over training', 'changes'),
        Column('packs', 'packs'),
        *(
            Column(f'{title}, {STUDIES.get(name, name)}', f'{name}{more}', FORM)
            for name in studies
            for title, more in ((f'AP - {BASE}', ''), (f'with SURGE, AP - {BASE}', WITH))
        ),
    ]
    rows = [_row(method, studies, corrected) for method in paged_methods()]
    return Table([c for c in columns if any(row.get(c.key) for row in rows)], rows)


def _is_study(table: Table) -> bool:
    """Of several seeds: a difference without an interval chooses nothing."""
    if not any(len(row.get(DIFFERENCE) or ()) > 1 for row in table.rows):
        return False
    return any(c.key == DIFFERENCE and c.title.startswith(f'AP - {BASE},') for c in table.columns)


def _row(method: Method, studies: Mapping, corrected: Mapping) -> dict:
    known, twin = facts(method), with_surge(method)
    row = dict(word=f'[`{method.name}`]({UP})', packs='real layers')
    if known is not None:
        row.update(
            learns=', '.join(known.learned) or None,
            changes='yes' if known.scheduled else None,
            packs='yes' if known.kept is None else 'no',
        )
    for name, table in studies.items():
        for which, key in ((method, name), (twin, f'{name}{WITH}')):
            verdicts = corrected[name]
            row[key] = _difference(table, which) if verdicts is None else _verdict(verdicts, which)
    return row


def _difference(table: Table, method: Optional[Method]) -> Optional[list]:
    """Mean and half of the interval, this pair by itself."""
    row = _row_of(table, method)
    return row and row.get(DIFFERENCE)


def _verdict(comparisons: Table, method: Optional[Method]) -> Optional[str]:
    """Mean of the difference, and what the correction leaves of it; None before it is trained."""
    against = [row for row in comparisons.rows if row['base'] == BASE]
    row = _row_of(replace(comparisons, rows=against), method)
    if not row or not row['alone']:
        return None
    controls = {
        found[1]: each
        for each in against
        if (found := CONTROL.search(each['method'])) and each['alone']
        if CONTROL.sub('', each['method']) == row['method']
    }
    told = [f'with {rate} {_told(each)}' for rate, each in controls.items()]
    return '; '.join([_told(row), *told])


def _told(row: dict) -> str:
    return f'{row["alone"][0]:+.3f}, {row["differs"]}'


def _row_of(table: Table, method: Optional[Method]) -> Optional[dict]:
    if method is None:
        return None
    found = [row for row in table.rows if is_row_of(row, method)]
    exact = [row for row in found if row['method'] in (method.label, method.name)]
    return next(iter([*exact, *found]), None)
