"""Tables of measured figures, and the one way to write them.

A :class:`Table` holds exact values; its columns say how they are printed. The
same table gives Markdown, and JSON that gives the Markdown again.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Formatter
from typing import Optional

from ..whole_files import write_whole

MISSING = '-'
BOLD = 'bold'  # key of a row: the keys of its cells in bold
SHORT = 'short'  # form of a column: whole numbers, or three digits


@dataclass(frozen=True)
class Column:
    """How one value of each row is printed.

    Args:
        title (str): Head of the column.
        key (str): Of the value in a row.
        form (str): As for ``str.format``; a value that is a list fills one
            place after the other, and one with fewer entries ends the text
            after its last. ``short`` prints numbers with three digits.
        scale (float): Factor on numbers, for units.

    Examples:
        >>> Column('size', 'bytes', '{:.1f}', 1e-6).cell({'bytes': 2_500_000})
        '2.5'
        >>> Column('AP', 'AP', '{:.2f} ± {:.2f}').cell({'AP': [0.5]})
        '0.50'
        >>> Column('AP', 'AP', '{:.2f}').cell({'AP': 'diverged'})
        'diverged'
    """

    title: str
    key: str
    form: str = '{}'
    scale: float = 1

    def cell(self, row: Mapping) -> str:
        """The value of ``row`` as text; a dash if there is none."""
        value = row.get(self.key)
        if value is None:
            return MISSING
        if not isinstance(value, str):
            value = self._printed(value if isinstance(value, (list, tuple)) else [value])
        return f'**{value}**' if self.key in row.get(BOLD, ()) else value

    def _printed(self, values: Sequence) -> str:
        if self.scale != 1:
            values = [value * self.scale for value in values]
        if self.form == SHORT:
            return ' '.join(map(short, values))
        parts = list(Formatter().parse(self.form))
        fields = [index for index, part in enumerate(parts) if part[1] is not None]
        if len(values) >= len(fields):
            return self.form.format(*values)
        kept = parts[: fields[len(values) - 1] + 1]
        return ''.join(f'{text}{{:{spec}}}' for text, _, spec, _ in kept).format(*values)


def short(value) -> str:
    """Whole numbers as they are, others with about three digits.

    Examples:
        >>> [short(v) for v in (3, 0.5, 12.34)]
        ['3', '0.500', '12.3']
    """
    if isinstance(value, int):
        return str(value)
    return f'{value:.3f}' if value < 10 else f'{value:.1f}'


@dataclass(frozen=True)
class Table:
    """Rows of exact values, and the columns that print them.

    Args:
        columns (Sequence[Column]): From left to right.
        rows (Sequence[Mapping]): Values by the columns' keys, and more if
            they belong to the record. ``bold`` lists keys to be set in bold.

    Examples:
        >>> table = Table([Column('', 'method'), Column('AP', 'AP', '{:.2f}')],
        ...               [{'method': 'STE', 'AP': 0.535}])
        >>> print(table.markdown())
        | | AP |
        |---|---|
        | STE | 0.54 |
        >>> Table.from_dict(table.as_dict()) == table
        True
    """

    columns: Sequence
    rows: Sequence

    def cells(self) -> list:
        """The text of all cells, a list per row."""
        return [[column.cell(row) for column in self.columns] for row in self.rows]

    def markdown(self) -> str:
        """The table as GitHub reads it."""
        return markdown([column.title for column in self.columns], self.cells())

    def as_dict(self) -> dict:
        """Everything, for JSON; columns without what is their default."""
        plain = Column('', '')
        columns = [
            {
                key: value
                for key, value in asdict(column).items()
                if key in ('title', 'key') or value != getattr(plain, key)
            }
            for column in self.columns
        ]
        return dict(columns=columns, rows=list(self.rows))

    @classmethod
    def from_dict(cls, content: Mapping) -> 'Table':
        """The table that :meth:`as_dict` told of."""
        return cls([Column(**column) for column in content['columns']], content['rows'])


def markdown(header: Sequence, rows: Iterable) -> str:
    """A Markdown table of cells that are text already.

    Examples:
        >>> print(markdown(['', 'AP'], [['STE', '0.535']]))
        | | AP |
        |---|---|
        | STE | 0.535 |
    """
    lines = ['|' + ''.join(f' {title} |' if title else ' |' for title in header)]
    lines.append('|' + '---|' * len(header))
    lines += ['| ' + ' | '.join(row) + ' |' for row in rows]
    return '\n'.join(lines)


def write_text(text: str, target: Optional[Path]) -> None:
    """All of a file or nothing, beside other processes that write it.

    Args:
        text (str): Ends with one line break in the file.
        target (Path | None): Folders are made; None writes nothing.
    """
    if target is not None:
        write_whole(target, (text.rstrip() + '\n').encode())


def write_json(content, target: Optional[Path]) -> None:
    """``content`` as JSON; None writes nothing."""
    if target is not None:
        write_text(json.dumps(content, indent=1, ensure_ascii=False), target)


def write_csv(rows: Sequence, target: Path) -> None:
    """Dicts with the same keys as CSV."""
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, rows[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    write_text(text.getvalue(), target)


def write_record(tables: Mapping, target: Optional[Path], **about) -> None:
    """Tables and where they come from: what a document's tables are made of.

    Args:
        tables (Mapping[str, Table]): By a name that is theirs in the file.
        target (Path | None): JSON file; None writes nothing.
        **about: Command, machine, versions and the like.
    """
    write_json(dict(**about, tables={n: t.as_dict() for n, t in tables.items()}), target)


def read_record(source: Path) -> dict:
    """Name to :class:`Table` of a file that :func:`write_record` wrote."""
    content = json.loads(Path(source).read_text())
    return {name: Table.from_dict(table) for name, table in content['tables'].items()}
