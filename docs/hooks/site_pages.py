"""Pages that live elsewhere in the repository, and links between all of them.

README, CONTRIBUTING, the change log and the README of each config folder are
read where they are, so that nothing is written twice. Documents link as files
do (`../../configs/ssd/README.md`), which is what a reader of the repository
needs; on the site such a link goes to the page made of that file. A link to a
file that is no page, a config or a script, becomes its label.
"""

import os
import re
from pathlib import Path
from urllib.parse import urldefrag

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = {  # page of the site: file of the repository
    'index.md': 'README.md',
    'contributing.md': 'CONTRIBUTING.md',
    'changelog.md': 'CHANGELOG.md',
    'guides/benchmark.md': 'tools/benchmark/README.md',
    'reference/configs/faster_rcnn.md': 'configs/faster_rcnn/README.md',
    'reference/configs/ssd.md': 'configs/ssd/README.md',
    'reference/configs/binarized.md': 'configs/binarized/README.md',
    'reference/configs/pretrain.md': 'configs/pretrain/README.md',
    'reference/configs/ablation.md': 'configs/ablation/README.md',
    'reference/shipped/bccd.md': 'surge_mmdet/shipped/bccd.md',
    'reference/shipped/digits.md': 'surge_mmdet/shipped/digits.md',
}
FENCE = re.compile(r'^(?: *)```.*?^(?: *)```$', re.M | re.S)
FIGURE = re.compile(r'^!\[[^\]]*\]\(([^)]+)\)$', re.M)  # opens in full size
WIDE = re.compile(r'^\|(?:---\|){8,}$', re.M)
LINK = re.compile(r'(?P<start>!?)\[(?P<label>[^\]]*)\]\((?P<target>[^)\s]+)\)')


def on_config(config):
    """List the decision records where the navigation says so."""
    records = sorted((ROOT / 'docs/design').glob('[0-9]*.md'))
    for section in config.nav:
        for entry in section.get('Design', []):
            if isinstance(entry, dict) and 'Decisions' in entry:
                entry['Decisions'] = [f'design/{record.name}' for record in records]
    return config


def on_files(files, config):
    """Add the pages that live outside docs/."""
    for uri, source in IMPORTED.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turn links between files into links between pages."""
    source = page.file.abs_src_path
    if page.file.src_uri == 'index.md':
        page.meta['hide'] = ['navigation']  # its table leads on
    elif WIDE.search(markdown):
        page.meta['hide'] = ['toc']  # whose place the table needs
    if source is None:  # made by another hook, with links of the site
        return markdown
    pages = {
        Path(file.abs_src_path): file.src_uri
        for file in files
        if file.abs_src_path and not file.inclusion.is_excluded()
    }
    return relink(markdown, Path(source), page.file.src_uri, pages)


def relink(markdown: str, source: Path, uri: str, pages: dict) -> str:
    """``markdown`` with each relative link pointing into the site.

    Args:
        markdown (str): Text of the page.
        source (Path): The file it was read from; links are relative to it.
        uri (str): Where the page is in the site.
        pages (dict): Path of a file to its place in the site.
    """

    def replace(match: re.Match) -> str:
        target, anchor = urldefrag(match['target'])
        if '://' in target or not target:
            return match[0]
        file = Path(os.path.normpath(source.parent / target))
        if file in pages:
            link = os.path.relpath(pages[file], os.path.dirname(uri) or '.')
            return f'{match["start"]}[{match["label"]}]({link}{"#" + anchor if anchor else ""})'
        # Unknown files stay as they are: the strict build reports them.
        return match['label'] if file.exists() else match[0]

    text = outside_fences(markdown, lambda text: LINK.sub(replace, text))
    return FIGURE.sub(r'[\g<0>](\g<1>)', text)


def outside_fences(markdown: str, change) -> str:
    """``change`` all of a text but its fenced blocks."""
    parts, position = [], 0
    for fence in FENCE.finditer(markdown):
        parts += [change(markdown[position : fence.start()]), fence[0]]
        position = fence.end()
    return ''.join([*parts, change(markdown[position:])])
