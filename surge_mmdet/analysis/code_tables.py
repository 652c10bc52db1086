"""The tables of the documents that are made from the code: methods, options, registries."""

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mmengine.registry import Registry

from .. import registry
from ..methods import METHODS
from ..surge import SurgeConfig
from ..text import linked
from .tables import Column, Table

PACKAGE = Path(__file__).resolve().parents[1]
UP = '../..'  # from docs/reference to the repository


class Entry(NamedTuple):
    """A type that a config can name: where it is registered, its word, what it stands for."""

    registry: str
    key: str
    kind: type

    @property
    def file(self) -> str:
        """Its file from the repository on, as ``surge_mmdet/layers/rprelu.py``."""
        file = Path(inspect.getfile(self.kind)).resolve()
        return file.relative_to(PACKAGE.parent).as_posix()


def code_tables() -> dict:
    """Name to :class:`Table`; a registry's is ``registries/NAME``."""
    found = {'methods': methods_table(), 'surge-options': options_table()}
    entries = list(registered())
    for name in dict.fromkeys(entry.registry for entry in entries):
        found[f'registries/{name}'] = _registry_table(e for e in entries if e.registry == name)
    return found


def methods_table() -> Table:
    """The named methods, and what each makes of binary layers."""
    columns = [
        Column('method', 'word'),
        Column('in tables', 'label'),
        Column('options of the binary layers', 'layer'),
        Column('from', 'reference'),
    ]
    rows = [
        dict(
            word=f'`{method.name}`',
            label=method.label,
            layer='real layers' if method.layer is None else f'`{written(method.layer)}`',
            reference=linked(method.reference),
        )
        for method in METHODS.values()
    ]
    return Table(columns, rows)


def options_table() -> Table:
    """Every option of ``surge=dict(...)``, from SurgeConfig."""
    columns = [Column(key, key) for key in ('option', 'default', 'values', 'whose', 'meaning')]
    rows = [
        dict(
            option=f'`{option.name}`',
            default=f'`{option.default!r}`',
            values=one_line(option.values),
            whose=option.whose,
            meaning=one_line(option.meaning),
        )
        for option in SurgeConfig.options()
    ]
    return Table(columns, rows)


def registered() -> Iterator[Entry]:
    """What this package registers, by registry and word; not what others add to it."""
    for name, found in vars(registry).items():
        if isinstance(found, Registry) and not name.startswith('_'):
            found.import_from_location()
            for key, kind in sorted(found.module_dict.items()):
                if kind.__module__.startswith('surge_mmdet.'):
                    yield Entry(name, key, kind)


def _registry_table(entries) -> Table:
    """The types of one registry, each leading to its file."""
    rows = [
        dict(type=f'[`{entry.key}`]({UP}/{entry.file})', what=_first_sentence(entry.kind))
        for entry in entries
    ]
    return Table([Column('type', 'type'), Column('what it is', 'what')], rows)


def _first_sentence(kind: type) -> str:
    """The first paragraph of a docstring, as a cell."""
    paragraph = (inspect.getdoc(kind) or '').split('\n\n')[0]
    return one_line(re.sub(r':\w+:`~?([^`]+)`', r'`\1`', paragraph).replace('``', '`'))


def one_line(text: str) -> str:
    r"""``text`` as a cell of Markdown: on one line, with its bars escaped.

    Examples:
        >>> print(one_line('a |x|\n  b'))
        a \|x\| b
    """
    return ' '.join(text.split()).replace('|', r'\|')


def written(value) -> str:
    """A value as a config has it, dicts as ``dict(...)``."""
    if not isinstance(value, Mapping):
        return repr(value)
    inside = ', '.join(f'{key}={written(each)}' for key, each in value.items())
    return f'dict({inside})'
