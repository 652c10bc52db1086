"""What the records in docs/results say of a method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ...methods import METHODS
from ..tables import BOLD, Table
from .detector_methods import DetectorMethod, detector_methods
from .labels import KEY, is_row_of, parts, trains

BESIDE = ('fp32', 'ste')  # rows that a method's are shown with


def results_of(methods: Sequence, tables: Mapping) -> dict:
    """Name to the table that is left of each one with a row of these methods.

    Args:
        methods (Sequence[Method]): A method, and the same with SURGE; alone,
            and as the student of a teacher.
        tables (Mapping[str, Table]): Of the records. The column of the
            methods may stand anywhere.

    Returns:
        dict[str, Table]: Their rows, in bold, beside those of the float twin
        and of the plain method, and the columns that have something in them.
    """
    taught = tuple(each.label for each in detector_methods())
    return _selected(tables, lambda word: any(trains(word, each, taught) for each in methods))


def results_with(method: DetectorMethod, tables: Mapping) -> dict:
    """The same of all labels that a detector's method is part of.

    Args:
        method (DetectorMethod): Such as PKD.
        tables (Mapping[str, Table]): Of the records.

    Returns:
        dict[str, Table]: Their rows, in bold, beside those of the same
        students without it, of the float twin and of the plain method.
    """
    return _selected(
        tables,
        lambda word: method.label in parts(word),
        lambda word, own: any(_is_control(word, each, method.label) for each in own),
    )


def _is_control(word: str, own: str, label: str) -> bool:
    """Whether a label has the layers of another and nothing that it has not, but the method."""
    found, rest = parts(word), [part for part in parts(own) if part != label]
    return set(found) <= set(rest) and found[0] == rest[0]


def _selected(tables: Mapping, own: Callable, control: Callable = lambda word, own: False) -> dict:
    found = {}
    for name, table in tables.items():
        key = next((column for column in table.columns if column.key == KEY), None)
        words = [str(row.get(KEY)) for row in table.rows]
        owners = {word for word in words if own(word)}
        if key is None or not owners:
            continue
        rows = [
            {**row, BOLD: [KEY] if word in owners else []}
            for row, word in zip(table.rows, words, strict=True)
            if word in owners or control(word, owners) or _is_beside(row)
        ]
        filled = [c for c in table.columns if any(row.get(c.key) is not None for row in rows)]
        found[name] = Table([replace(c, title=KEY) if c is key else c for c in filled], rows)
    return found


def _is_beside(row: Mapping) -> bool:
    return any(is_row_of(row, METHODS[name]) for name in BESIDE)
