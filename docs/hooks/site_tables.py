"""Types in the tables of registries lead to their class on the site.

A reader of the repository is led to the type's file, `[`SignSTE`](../../surge_mmdet/...py)`.
"""

import re
from functools import lru_cache

from mkdocs.plugins import event_priority

LINK = re.compile(r'(?P<label>\[`(?P<key>\w+)`\])\((?:\.\./)*(?P<file>surge_mmdet/[\w/]+\.py)\)')


@event_priority(50)  # before site_pages, for which a file without a page is no link
def on_page_markdown(markdown, page, config, files):
    """Turn links to the file of a registered type into references to the type."""
    return LINK.sub(_reference, markdown)


def _reference(link: re.Match) -> str:
    name = types().get((link['key'], link['file']))
    return f'{link["label"]}[{name}]' if name else link[0]


@lru_cache
def types() -> dict:
    """(word, file) of each registered type to its dotted name."""
    from surge_mmdet.analysis.code_tables import registered

    return {
        (entry.key, entry.file): f'{entry.kind.__module__}.{entry.kind.__qualname__}'
        for entry in registered()
    }
