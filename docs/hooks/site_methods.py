"""One page of the reference for each method, from docstrings and records.

What the page says is made by surge_mmdet.analysis.method_pages; a method that
joins the list, and a loss that is registered, has its page by itself. Links to
surge_mmdet/methods.py whose label is a method's name lead to its page, and so
do those from guides to the file of a loss.
"""

import re
from functools import lru_cache
from pathlib import Path

from docstring_math import formulas
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
PLACE = 'reference/methods'
GUIDE = ROOT / 'docs/guides/distillation.md'
NAV = ('Methods', 'Detector methods')
LINK = re.compile(r'\[`(?P<name>[\w-]+)`\]\((?:\.\./)*surge_mmdet/(?P<file>[\w/]+)\.py\)')


@lru_cache
def pages() -> dict:
    """Place in the site to Markdown, of each page of a named method."""
    from surge_mmdet.analysis.method_pages import method_page, paged_methods

    return {
        place(method.name): method_page(method, *results(), formulas) for method in paged_methods()
    }


@lru_cache
def detector_pages() -> dict:
    """The same of each method that is a loss."""
    from surge_mmdet.analysis.method_pages import (
        detector_methods,
        detector_page,
        shipped_configs,
        snippets,
    )

    lines, ready = snippets(GUIDE.read_text()), shipped_configs(ROOT)
    return {
        place(method.name): detector_page(
            method,
            *results(),
            lines,
            sorted({path for word in method.types for path in ready.get(word, ())}),
            formulas,
        )
        for method in detector_methods()
    }


@lru_cache
def results() -> tuple:
    """The tables of the records, and links to the pages that show them."""
    from surge_mmdet.analysis.published import record_tables, shown_in

    links = {
        name: f'[{each.title}](../../{each.page.parent.name}/{each.page.name})'
        + (f', *{each.part}*' if each.part else '')
        for name, each in shown_in(ROOT).items()
    }
    return record_tables(ROOT), links


def place(name: str) -> str:
    """Where a method's page is in the site."""
    return f'{PLACE}/{name}.md'


@lru_cache
def places() -> dict:
    """(label, file in the package) of a link to the place of the page it leads to."""
    from surge_mmdet.analysis.method_pages import detector_methods, paged_methods

    losses = {
        (kind.__name__, kind.__module__.partition('.')[2].replace('.', '/')): place(method.name)
        for method in detector_methods()
        for kind in method.kinds
    }
    return {(m.name, 'methods'): place(m.name) for m in paged_methods()} | losses


def on_config(config):
    """List the methods where the navigation says so."""
    for section in config.nav:
        for entry in section.get('Reference', []):
            for title, found in zip(NAV, (pages, detector_pages), strict=True):
                if isinstance(entry, dict) and title in entry:
                    entry[title] = list(found())
    return config


def on_files(files, config):
    """Add the pages."""
    for uri, text in (pages() | detector_pages()).items():
        files.append(File.generated(config, uri, content=text))
    return files


@event_priority(60)  # before site_tables, which leads from the file of a type to its class
def on_page_markdown(markdown, page, config, files):
    """Turn links to the list of methods, and to losses, into links to the page of a method."""
    uri = page.file.src_uri
    up = '../' * uri.count('/')

    def replace(link: re.Match) -> str:
        target = places().get((link['name'], link['file']))
        listed = link['file'] != 'methods' and uri.startswith('reference/')  # as a type
        return link[0] if target is None or listed else f'[`{link["name"]}`]({up}{target})'

    return LINK.sub(replace, markdown)
