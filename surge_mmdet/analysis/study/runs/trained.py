"""Under what each run was trained: machine, versions and command of all its parts.

A comparison is stopped and started again, on other machines and by other
commands, and its report is written by whoever came last. So each run tells by
itself, and the report counts.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

from ...left_files import read_left
from ...tables import write_json
from .process import checkpoints

FILE = 'trained.json'  # in the folder of each run, from its start on
TRAINED = 'trained'  # its content in the result of the run
UNKNOWN = 'not recorded'
PASSING = ('command', 'date')  # of a part; all else is its environment


def note_part(folder: Path, conditions: Mapping) -> None:
    """Write down under what a training begins, or goes on from its checkpoint.

    Args:
        folder (Path): Of the run.
        conditions (Mapping): As :func:`training_conditions` gives them.
    """
    before = read_parts(folder) if checkpoints(folder) else []
    if checkpoints(folder) and not before:
        before = [None]  # begun by a release that did not record it
    if conditions not in before:
        write_json([*before, conditions], folder / FILE)


def read_parts(folder: Path) -> list:
    """The distinct conditions of a run's parts in order; None for a part that nobody recorded."""
    file = folder / FILE
    mend = 'Remove it: the report then says that the conditions of this run are not recorded.'
    return read_left(file, list, mend) if file.exists() else []


def environments(runs: Sequence) -> list:
    """The distinct environments of several runs.

    A run that was trained in parts counts in each environment that it has seen.

    Args:
        runs (Sequence): The parts of each run; none where nothing was recorded.

    Returns:
        list[dict]: ``runs`` (how many), machine, cores, threads and versions,
        ``dates`` (first and last), and ``commands``, each to its number of
        runs; of runs that do not tell only ``runs`` and ``machine``.

    Examples:
        >>> part = dict(command='python a.py', date='2026-01-02', machine='x')
        >>> environments([[part], [part], []])[0]['commands']
        {'python a.py': 2}
        >>> environments([[part], [part], []])[1]
        {'runs': 1, 'machine': 'not recorded'}
    """
    found: dict = {}
    for parts in runs:
        seen: dict = {}
        for part in parts or [None]:
            seen.setdefault(_environment(part), []).append(part)
        for key, own in seen.items():
            found.setdefault(key, []).append(own)
    return [_counted(json.loads(key), each) for key, each in found.items()]


def _environment(part: Optional[Mapping]) -> str:
    facts = part and {key: value for key, value in part.items() if key not in PASSING}
    return json.dumps(facts)


def _counted(facts: Optional[Mapping], runs: Sequence) -> dict:
    if facts is None:
        return dict(runs=len(runs), machine=UNKNOWN)
    dates = sorted(part['date'] for parts in runs for part in parts)
    commands = Counter(word for parts in runs for word in {p['command']: 0 for p in parts})
    return dict(runs=len(runs), **facts, dates=[dates[0], dates[-1]], commands=dict(commands))


def described(parts: Sequence) -> dict:
    """The conditions of one run as text, for CSV; those of several parts one after the other."""
    keys = ('date', 'machine', 'threads_per_training', 'command')
    known = [dict(part, **part['versions']) if part else {} for part in parts or [None]]
    return {
        key: '; '.join(dict.fromkeys(part.get(key, UNKNOWN) for part in known))
        for key in (*keys, 'surge_mmdet')
    }
