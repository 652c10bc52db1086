"""What a report is made of, and each piece as Markdown and as HTML."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ...svg import inline
from ...tables import Table

CODE = re.compile(r'`([^`]+)`')
BOLD = re.compile(r'\*\*([^*]+)\*\*')
LONG = 36  # letters of a cell, from which on it takes several lines


def rich(text: str) -> str:
    """Text with `code` and **bold**, as HTML.

    Examples:
        >>> rich('**a** < `b`')
        '<strong>a</strong> &lt; <code>b</code>'
    """
    return BOLD.sub(r'<strong>\1</strong>', CODE.sub(r'<code>\1</code>', escape(text, quote=False)))


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 3."""

    text: str
    level: int = 2

    def markdown(self) -> str:
        """With as many # as its level."""
        return f'{"#" * self.level} {self.text}'

    def html(self) -> str:
        """With an id to link to; level 3 comes again in each section and has none."""
        name = f' id="{word_of(self.text)}"' if self.level < 3 else ''
        return f'<h{self.level}{name}>{rich(self.text)}</h{self.level}>'


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str

    def markdown(self) -> str:
        """As it is."""
        return self.text

    def html(self) -> str:
        """One paragraph."""
        return f'<p>{rich(self.text)}</p>'


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence

    def markdown(self) -> str:
        """A line each."""
        return '\n'.join(f'- {item}' for item in self.items)

    def html(self) -> str:
        """An unordered list."""
        return '<ul>' + ''.join(f'<li>{rich(item)}</li>' for item in self.items) + '</ul>'


@dataclass(frozen=True)
class Code:
    """Commands."""

    text: str

    def markdown(self) -> str:
        """A fenced block."""
        return f'```bash\n{self.text}\n```'

    def html(self) -> str:
        """A block that scrolls."""
        return f'<pre tabindex="0"><code>{escape(self.text)}</code></pre>'


@dataclass(frozen=True)
class Grid:
    """A table with what it shows in words."""

    caption: str
    table: Table

    def markdown(self) -> str:
        """The caption above."""
        return f'{self.caption}\n\n{self.table.markdown()}'

    def html(self) -> str:
        """A table that scrolls by itself where it is too wide; its first column is a header."""
        heads = ''.join(f'<th scope="col">{rich(c.title)}</th>' for c in self.table.columns)
        rows = ''.join(_row(cells) for cells in self.table.cells())
        name = word_of(self.caption)
        return (
            f'<p class="caption" id="{name}">{rich(self.caption)}</p>'
            f'<div class="wide" role="region" tabindex="0" aria-labelledby="{name}">'
            f'<table aria-labelledby="{name}"><thead><tr>{heads}</tr></thead>'
            f'<tbody>{rows}</tbody></table></div>'
        )


def word_of(text: str) -> str:
    """An id made of a text.

    Examples:
        >>> word_of('AP of each method, paired.')
        'ap-of-each-method-paired'
    """
    return re.sub(r'\W+', '-', text.lower()).strip('-')


def _row(cells: Sequence) -> str:
    first, *rest = cells
    row = ''.join(_cell(cell) for cell in rest)
    return f'<tr><th scope="row">{rich(first)}</th>{row}</tr>'


def _cell(text: str) -> str:
    return f'<td{" class=long" * (len(text) > LONG)}>{rich(text)}</td>'


@dataclass(frozen=True)
class Picture:
    """A figure.

    Args:
        name (str): Unique in the report.
        svg (str): As :func:`drawn` gives it.
        caption (str): How to read it.
        told (str): What a reader who cannot see it is told.
    """

    name: str
    svg: str
    caption: str
    told: str

    def markdown(self) -> str:
        """Only the page has figures."""
        return ''

    def html(self) -> str:
        """The picture with its caption."""
        drawing = inline(self.svg, self.name, self.told)
        return f'<figure>{drawing}<figcaption>{rich(self.caption)}</figcaption></figure>'


def as_markdown(blocks: Sequence) -> str:
    """A document of all blocks but the pictures."""
    return '\n\n'.join(text for text in (block.markdown() for block in blocks) if text)
