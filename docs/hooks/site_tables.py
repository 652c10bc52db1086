"""Tables of the reference that are made from the code.

A page asks for one by a comment, `<!-- table: surge-options -->`.
"""

import inspect
import re

ASKED = re.compile(r'^<!-- table: (\S+) -->$', re.M)


def on_page_markdown(markdown, page, config, files):
    """Put each table in the place of the comment that asks for it."""
    return ASKED.sub(lambda match: TABLES[match[1]](), markdown)


def surge_options() -> str:
    """Every option of ``surge=dict(...)``, from SurgeConfig."""
    from surge_mmdet.surge.config import SurgeConfig

    rows = [
        (f'`{row.name}`', f'`{row.default!r}`', cell(row.values), row.whose, cell(row.meaning))
        for row in SurgeConfig.options()
    ]
    return markdown_table(('option', 'default', 'values', 'whose', 'meaning'), rows)


def methods() -> str:
    """The named methods, as the other documents list them."""
    from surge_mmdet.analysis.published import methods_table

    return methods_table().markdown()


def registries() -> str:
    """Every type a config can name, by registry."""
    from mmengine.registry import Registry

    from surge_mmdet import registry

    parts = []
    for name, found in vars(registry).items():
        if not isinstance(found, Registry) or name.startswith('_'):
            continue
        found.import_from_location()
        own = sorted(found.module_dict.items())
        if own:
            rows = [(f'[`{key}`][{whole_name(kind)}]', first_line(kind)) for key, kind in own]
            parts.append(f'## {name}\n\n' + markdown_table(('type', 'what it is'), rows))
    return '\n\n'.join(parts)


def whole_name(kind) -> str:
    """Dotted name of a class or function."""
    return f'{kind.__module__}.{kind.__qualname__}'


def first_line(kind) -> str:
    """The first sentence of a docstring, as a cell."""
    paragraph = (inspect.getdoc(kind) or '').split('\n\n')[0]
    return cell(re.sub(r':\w+:`~?([^`]+)`', r'`\1`', paragraph).replace('``', '`'))


def cell(text: str) -> str:
    """``text`` on one line, with its bars escaped."""
    return ' '.join(text.split()).replace('|', r'\|')


def markdown_table(head: tuple, rows: list) -> str:
    """A table of Markdown."""
    lines = [head, ('---',) * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


TABLES = {'surge-options': surge_options, 'methods': methods, 'registries': registries}
