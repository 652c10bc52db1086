"""Docstrings as Markdown: their prose, and their arguments as a table."""

import inspect
import re
from collections.abc import Callable
from inspect import Parameter, signature

from ..code_tables import one_line
from ..tables import Column, Table

SECTION = re.compile(r'^(?:Args|Attributes|Examples|Raises|Returns|Shape):$', re.M)
ARGUMENTS = re.compile(r'^Args:\n((?:(?: {4}.*)?\n)+)', re.M)
ARGUMENT = re.compile(r'^ {4}(\w+(?:, \w+)*) \(([^)]+)\): ', re.M)
ROLE = re.compile(r':\w+:`~?(?:[\w.]+\.)?(\w+)`')


def prose(kind: type) -> str:
    """A docstring up to its first section, without the notation of Sphinx's roles."""
    return _plain(SECTION.split(inspect.getdoc(kind) or '')[0].strip())


def arguments(kind: type, formulas: Callable = str) -> Table:
    """What a class takes, a row for each entry of its ``Args``, with defaults.

    Args:
        kind (type): A class with a docstring in Google's notation.
        formulas (Callable): As for a page.
    """
    section = ARGUMENTS.search(f'{inspect.getdoc(kind)}\n')
    _, *found = ARGUMENT.split(section[1]) if section else ['']
    known = signature(kind).parameters
    rows = [
        dict(
            names=', '.join(f'`{name}`' for name in names.split(', ')),
            type=one_line(what),
            default=', '.join(f'`{_default(known[name])}`' for name in names.split(', ')),
            meaning=formulas(one_line(_plain(meaning))),
        )
        for names, what, meaning in zip(*(found[i::3] for i in range(3)), strict=True)
    ]
    titles = (('argument', 'names'), ('is', 'type'), ('default', 'default'), ('meaning', 'meaning'))
    return Table([Column(*each) for each in titles], rows)


def _default(parameter: Parameter) -> str:
    return 'none' if parameter.default is Parameter.empty else repr(parameter.default)


def _plain(text: str) -> str:
    return ROLE.sub(r'`\1`', text).replace('``', '`')
