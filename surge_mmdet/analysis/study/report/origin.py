"""Where the runs of a report were trained, and where it was written."""

from collections.abc import Mapping, Sequence
from typing import Optional

from ....text import counted
from ...conditions import stack_text
from ...tables import Column, Table
from ..runs import environments
from .blocks import Code, Grid, Text
from .gather import FAILED


def parts_of_runs(sections: Sequence) -> list:
    """The parts of each run that was trained to its end, failed ones left out."""
    return [row.trained for section in sections for row in section.rows if row.status != FAILED]


def where_trained(sections: Sequence) -> list:
    """Each environment with its number of runs, and the commands.

    Args:
        sections (Sequence[Section]): Of the report.
    """
    runs = parts_of_runs(sections)
    found = environments(runs)
    if not found:
        return []
    caption = (
        'Where the runs were trained. “Not recorded”: by a release that did not write it down.'
    )
    commands = [
        f'# {counted(count, "run")} in environment {number}\n{command}'
        for number, each in enumerate(found, 1)
        for command, count in each.get('commands', {}).items()
    ]
    several = sum(each['runs'] for each in found) - len(runs)
    return [
        Grid(caption, _environments(found)),
        *([Text(_in_parts(runs))] if several else []),
        *(
            [Text('They were trained by, as far as it was recorded:'), Code('\n'.join(commands))]
            if commands
            else []
        ),
    ]


def _in_parts(runs: Sequence) -> str:
    count = sum(len(environments([parts])) > 1 for parts in runs)
    return f'{counted(count, "run")} went on in another environment, and count in each.'


def _environments(found: Sequence) -> Table:
    columns = [
        Column('environment', 'number'),
        Column('runs', 'runs'),
        Column('machine', 'machine'),
        Column('cores', 'cores'),
        Column('threads per training', 'threads_per_training'),
        Column('begun', 'begun'),
        Column('versions', 'stack'),
    ]
    rows = [
        dict(each, number=number, begun=_span(each), stack=_stack(each))
        for number, each in enumerate(found, 1)
    ]
    return Table(columns, rows)


def _span(each: Mapping) -> Optional[str]:
    return ' to '.join(dict.fromkeys(each.get('dates', ()))) or None


def _stack(each: Mapping) -> Optional[str]:
    return stack_text(each.get('versions', {})) or None


def where_written(about: Mapping, measured: Sequence) -> list:
    """Who wrote the tables, which need not be who trained the runs, and who measured the costs.

    Args:
        about (Mapping): Command, date, machine and versions of the writer.
        measured (Sequence): What ``costs.json`` holds, of each data set.
    """
    columns = [Column('what', 'what'), Column('is', 'value')]
    known = ('command', 'versions')
    facts = {k: v for k, v in about.items() if k not in known} | about.get('versions', {})
    rows = [dict(what=what, value=value) for what, value in facts.items()]
    commands = [about.get('command', ''), *(each['command'] for each in measured if each)]
    costs = ', and the costs measured,' * any(map(bool, measured))
    return [
        Grid('Where this report was written.', Table(columns, rows)),
        Text(f'Its tables were written{costs} by:'),
        Code('\n'.join(dict.fromkeys(commands))),
    ]
