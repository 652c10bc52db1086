"""Code blocks of the documents, with the comment that says how to treat them.

A comment stands alone directly above a block:

    <!-- run -->                 it is executed
    <!-- run with: pictures -->  it is executed beside annotated pictures
    <!-- check: why -->          it is not executed, but held against the code
    <!-- needs: what -->         the same, since data or machines are not here
    <!-- tested: tests/x.py -->  another test executes it
    <!-- file: name -->          the reader saves it under this name
    <!-- child of: config -->    part of a config that inherits from this one
    <!-- stand-in: a.py is b --> anywhere: a config the reader is said to have
"""

import re
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT
from markdown_it import MarkdownIt

COMMENT = re.compile(r'<!-- (?P<word>[a-z -]+?)(?:: (?P<rest>.+?))? -->\s*')
STAND_IN = re.compile(r'^<!-- stand-in: (\S+) is (\S+) -->$', re.M)
WORDS = ('run', 'run with', 'check', 'needs', 'tested', 'file', 'child of')
# Here every command and config is marked; the other pages are only checked.
MARKED = [
    ROOT / 'README.md',
    ROOT / 'CONTRIBUTING.md',
    *(
        page
        for room in ('get_started', 'guides', 'reference', 'design')
        for page in sorted((ROOT / 'docs' / room).glob('*.md'))
    ),
]
LOGS = [
    *sorted((ROOT / 'docs/results').glob('*.md')),
    *sorted((ROOT / 'configs').glob('*/README.md')),
    *sorted((ROOT / 'tools').glob('*/README.md')),
    *sorted((ROOT / 'surge_mmdet/shipped').glob('*.md')),
]


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, what it says, how it is treated."""

    page: Path
    line: int
    language: str
    code: str
    word: str
    rest: str

    def __str__(self) -> str:
        return f'{self.page.relative_to(ROOT)}:{self.line}'


def blocks(page: Path) -> list:
    """All fenced blocks of a page, in order."""
    found, above = [], None
    for token in MarkdownIt().parse(page.read_text()):
        if token.type == 'fence':
            word, rest = above or ('', '')
            language = token.info.split(' ')[0]
            found.append(Block(page, token.map[0] + 1, language, token.content, word, rest))
        comment = token.type == 'html_block' and COMMENT.fullmatch(token.content)
        above = (comment['word'], comment['rest'] or '') if comment else None
    return found


def stand_ins(page: Path) -> dict:
    """Name of a config that the reader has to its base."""
    return dict(STAND_IN.findall(page.read_text()))
