"""The tables of the documents, generated from the records beside them and from the code.

A record, ``docs/results/NAME.json``, is what a tool wrote with ``--record``.
A document asks for one of its tables by a pair of comments, wherever it lies:

    <!-- results: NAME/TABLE -->

    (replaced by the table)

    <!-- end of results -->

A table of ``code_tables``, which is made from the code and not from a record,
is asked for in the same way, by <!-- table: NAME --> and <!-- end of table -->.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import unknown
from .code_tables import code_tables
from .method_pages import choice_table
from .tables import read_record, write_text

RECORDS = 'docs/results'
SHOWN = (RECORDS, 'docs/guides')
# The one place that knows where documents lie.
PAGES = (
    'README.md',
    'docs/**/*.md',
    'configs/**/*.md',
    'surge_mmdet/shipped/*.md',
    'tools/**/*.md',
)
TITLE = re.compile(r'^# (.+)$', re.M)
PART = re.compile(r'^(?:##+ (.+)|\*\*(.+)\*\*)$', re.M)
COMMENT = re.compile(
    r'^<!-- (?:(?:results|table): (?P<name>\S+)|end of (?:results|table)) -->$', re.M
)


def known_tables(root: Path) -> dict:
    """Name to :class:`Table` of all that documents can ask for.

    Args:
        root (Path): Of the repository.
    """
    recorded = record_tables(root)
    return {**code_tables(), 'choose-method': choice_table(recorded), **recorded}


def record_tables(root: Path) -> dict:
    """``RECORD/TABLE`` to :class:`Table` of all records.

    Args:
        root (Path): Of the repository.
    """
    found = {}
    for record in sorted((root / RECORDS).glob('*.json')):
        found |= {f'{record.stem}/{name}': table for name, table in read_record(record).items()}
    return found


class Shown(NamedTuple):
    """Where a document shows a table: the nearest heading or line in bold above it says which."""

    page: Path
    title: str
    part: str


def shown_in(root: Path) -> dict:
    """Name of a table to the first place of the site that shows it, results before guides.

    Args:
        root (Path): Of the repository.

    Returns:
        dict[str, Shown]: A part without a name is empty.
    """
    found: dict = {}
    for page in (page for folder in SHOWN for page in sorted((root / folder).glob('*.md'))):
        text = page.read_text()
        for name, start, _ in places(text, str(page)):
            above = [*PART.finditer(text[:start])]
            part = above[-1][above[-1].lastindex] if above else ''
            found.setdefault(name, Shown(page, TITLE.search(text)[1], part))
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
