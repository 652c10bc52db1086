"""Parts of configs that a document shows, for the pages of what they use."""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

CHILD = re.compile(r'^<!-- child of: (\S+) -->\n```python\n(.*?)^```$', re.M | re.S)
HEADING = re.compile(r'^##+ (.+)$', re.M)  # one mark alone may begin a comment of code


class Snippet(NamedTuple):
    """A part of a config: the one it inherits from, its lines, and the heading it stands under."""

    base: str
    code: str
    heading: str

    @property
    def file(self) -> str:
        """All of a config that lies beside its base."""
        return f"_base_ = './{PurePosixPath(self.base).name}'\n{self.code}"

    @property
    def anchor(self) -> str:
        """Of the heading in a link, by GitHub's rule."""
        return re.sub(r'[^\w\- ]', '', self.heading.lower()).replace(' ', '-')


def snippets(text: str) -> list:
    """Every :class:`Snippet` of a document.

    Args:
        text (str): Markdown, whose parts of configs are marked ``child of``.

    Examples:
        >>> page = "## Use it\\n<!-- child of: configs/a.py -->\\n```python\\nx = 1\\n```\\n"
        >>> [found] = snippets(page)
        >>> found.file, found.anchor
        ("_base_ = './a.py'\\nx = 1\\n", 'use-it')
    """
    return [
        Snippet(match[1], match[2], HEADING.findall(text[: match.start()])[-1])
        for match in CHILD.finditer(text)
    ]
