"""The tables of the documents, generated from the records beside them.

A record, ``docs/results/NAME.json``, is what a tool wrote with ``--record``.
A document asks for one of its tables by a pair of comments, wherever it lies:

    <!-- results: NAME/TABLE -->

    (replaced by the table)

    <!-- end of results -->

``NAME`` alone asks for a table that is made from the code, of
:data:`GENERATED`.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from ..errors import unknown
from ..methods import METHODS
from .tables import Column, Table, read_record, write_text

RECORDS = 'docs/results'
# The one place that knows where documents lie.
PAGES = ('README.md', 'docs/**/*.md', 'configs/**/*.md', 'tools/**/*.md')
COMMENT = re.compile(r'^<!-- (?:results: (?P<name>\S+)|end of results) -->$', re.M)


def methods_table() -> Table:
    """The named methods, and what each makes of binary layers."""
    columns = [
        Column('method', 'word'),
        Column('in tables', 'label'),
        Column('options of the binary layers', 'layer'),
        Column('from', 'reference'),
    ]
    rows = [
        dict(
            word=f'`{method.name}`',
            label=method.label,
            layer='real layers' if method.layer is None else f'`{_written(method.layer)}`',
            reference=method.reference,
        )
        for method in METHODS.values()
    ]
    return Table(columns, rows)


def _written(value) -> str:
    """A value as a config has it, dicts as ``dict(...)``."""
    if not isinstance(value, Mapping):
        return repr(value)
    inside = ', '.join(f'{key}={_written(each)}' for key, each in value.items())
    return f'dict({inside})'


GENERATED: Mapping[str, Callable[[], Table]] = MappingProxyType({'methods': methods_table})


def known_tables(root: Path) -> dict:
    """Name to :class:`Table` of all that documents can ask for.

    Args:
        root (Path): Of the repository.
    """
    found = {name: make() for name, make in GENERATED.items()}
    for record in sorted((root / RECORDS).glob('*.json')):
        found |= {f'{record.stem}/{name}': table for name, table in read_record(record).items()}
    return found


def pages(root: Path) -> list:
    """All documents of the repository."""
    return sorted({page for pattern in PAGES for page in root.glob(pattern)})


def places(text: str, page: str = 'the document') -> list:
    """(name, start, end) of each place for a table, between its comments.

    Raises:
        ValueError: If the comments do not come in pairs.
    """
    found, begun = [], None
    for comment in COMMENT.finditer(text):
        if comment['name'] is None and begun is not None:
            found.append((begun['name'], begun.end(), comment.start()))
        elif comment['name'] is None or begun is not None:
            break
        begun = comment if comment['name'] else None
    else:
        comment = begun
    if comment is not None:
        raise ValueError(
            f'{page}: {comment[0]} has no partner. Write <!-- results: NAME/TABLE --> above a '
            'table and <!-- end of results --> below it.'
        )
    return found


def filled(text: str, tables: Mapping, page: str = 'the document') -> str:
    """A document with the tables it asks for.

    Args:
        text (str): The document.
        tables (Mapping[str, Table]): As :func:`known_tables` gives them.
        page (str): Its name, for errors.

    Raises:
        ValueError: For a table that is not known, or comments that are no
            pairs.
    """
    for name, start, end in reversed(places(text, page)):
        if name not in tables:
            raise unknown(f'{page}: results', name, tables, '<!-- results: {} -->')
        text = f'{text[:start]}\n\n{tables[name].markdown()}\n\n{text[end:]}'
    return text


def write_pages(root: Path, check: bool = False) -> list:
    """Bring the tables of all documents up to date.

    Args:
        root (Path): Of the repository.
        check (bool): Change nothing.

    Returns:
        list[Path]: Documents that were out of date.

    Raises:
        ValueError: As :func:`filled`.
    """
    tables, stale = known_tables(root), []
    for page in pages(root):
        text = page.read_text()
        new = filled(text, tables, str(page.relative_to(root)))
        if new != text:
            stale.append(page)
            if not check:
                write_text(new, page)
    return stale
