"""What the records in docs/results say of a method."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...methods import METHODS, Method
from ..tables import BOLD, Table

KEY = 'method'
BESIDE = ('fp32', 'ste')  # rows that a method's are shown with


def words_of(method: Method) -> tuple:
    """How tables of records call a method."""
    return (method.label, method.name)


def is_row_of(row: Mapping, method: Method) -> bool:
    """Whether a row is a method's; older records say more behind its label.

    Examples:
        >>> is_row_of({'method': 'SURGE (eta 0.3)'}, METHODS['surge'])
        True
        >>> is_row_of({'method': 'SURGE, literal'}, METHODS['surge'])
        False
    """
    word = str(row.get(KEY))
    return any(word == own or word.startswith(f'{own} (') for own in words_of(method))


def results_of(methods: Sequence, tables: Mapping) -> dict:
    """Name to the table that is left of each one with a row of these methods.

    Args:
        methods (Sequence[Method]): A method, and the same with SURGE.
        tables (Mapping[str, Table]): Of the records.

    Returns:
        dict[str, Table]: Their rows, in bold, beside those of the float twin
        and of the plain method, and the columns that have something in them.
    """
    found = {}
    for name, table in tables.items():
        if not table.columns or table.columns[0].key != KEY:
            continue
        rows = [_marked(row, methods) for row in table.rows if _belongs(row, methods)]
        if any(KEY in row.get(BOLD, ()) for row in rows):
            filled = [c for c in table.columns if any(row.get(c.key) is not None for row in rows)]
            first = replace(filled[0], title=KEY)
            found[name] = Table([first, *filled[1:]], rows)
    return found


def _belongs(row: Mapping, methods: Sequence) -> bool:
    return any(is_row_of(row, each) for each in (*methods, *(METHODS[n] for n in BESIDE)))


def _marked(row: Mapping, methods: Sequence) -> dict:
    own = any(is_row_of(row, method) for method in methods)
    return {**row, BOLD: [KEY] if own else []}
