"""One page of the reference for each named method, from docstrings and records.

What the page says is made by surge_mmdet.analysis.method_pages; a method that
joins the list has its page by itself. Links to surge_mmdet/methods.py whose
label is a method's name lead to its page.
"""

import re
from functools import lru_cache
from pathlib import Path

from docstring_math import formulas
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
PLACE = 'reference/methods'
LINK = re.compile(r'\[`(?P<name>[\w-]+)`\]\((?:\.\./)*surge_mmdet/methods\.py\)')
TITLE = re.compile(r'^# (.+)$', re.M)


@lru_cache
def pages() -> dict:
    """Place in the site to Markdown, of each method's page."""
    from surge_mmdet.analysis.method_pages import method_page, paged_methods
    from surge_mmdet.analysis.published import record_tables, shown_in

    links = {
        name: f'[{TITLE.search(page.read_text())[1]}](../../results/{page.name})'
        for name, page in shown_in(ROOT).items()
    }
    tables = record_tables(ROOT)
    return {
        place(method.name): method_page(method, tables, links, formulas)
        for method in paged_methods()
    }


def place(name: str) -> str:
    """Where a method's page is in the site."""
    return f'{PLACE}/{name}.md'


def on_config(config):
    """List the methods where the navigation says so."""
    for section in config.nav:
        for entry in section.get('Reference', []):
            if isinstance(entry, dict) and 'Methods' in entry:
                entry['Methods'] = list(pages())
    return config


def on_files(files, config):
    """Add the pages."""
    for uri, text in pages().items():
        files.append(File.generated(config, uri, content=text))
    return files


@event_priority(50)  # before site_pages, for which a file without a page is no link
def on_page_markdown(markdown, page, config, files):
    """Turn links to the list of methods into links to the page of a method."""
    up = '../' * page.file.src_uri.count('/')

    def replace(link: re.Match) -> str:
        uri = place(link['name'])
        return f'[`{link["name"]}`]({up}{uri})' if uri in pages() else link[0]

    return LINK.sub(replace, markdown)
