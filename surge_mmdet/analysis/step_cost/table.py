"""Tables of the step benchmarks: ratios by rounds, and the conditions."""

import json
import platform
import random
import shlex
import sys
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median, quantiles
from typing import Optional

import torch

from .step_cost import MIB

DISTRIBUTIONS = (
    'torch',
    'onedl-mmdetection',
    'mmdet',
    'onedl-mmengine',
    'mmengine',
    'onedl-mmcv',
    'mmcv',
)


def round_order(names: list, index: int) -> list:
    """Names in the order of one round: random, the same for each index."""
    names = list(names)
    random.Random(index).shuffle(names)
    return names


def ratio(times: list, base: list) -> tuple:
    """Median, 25 % and 75 % quantile of the ratios of each round.

    Examples:
        >>> ratio([2., 4., 9.], [1., 2., 3.])
        (2.0, 2.0, 2.5)
    """
    each = [a / b for a, b in zip(times, base, strict=True)]
    if len(each) == 1:
        return (each[0],) * 3
    low, middle, high = quantiles(each, n=4, method='inclusive')
    return middle, low, high


def time_cells(row: dict, base: dict, unit: float = 1.0, digits: int = 3) -> list:
    """Median time, and its ratio with the spread."""
    middle, low, high = ratio(row['seconds'], base['seconds'])
    return [f'{median(row["seconds"]) * unit:.{digits}f}', f'{middle:.2f} ({low:.2f}-{high:.2f})']


def memory_cells(row: dict, base: dict, key: str) -> list:
    """MiB, and the ratio; dashes for what could not be measured."""
    if row.get(key) is None:
        return ['-', '-']
    share = row[key] / base[key] if base.get(key) else None
    return [f'{row[key] / MIB:.1f}', '-' if share is None else f'{share:.2f}']


def markdown(header: list, rows: list) -> str:
    """A Markdown table of these cells."""
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def choose_base(labels: list, wanted: Optional[str] = None) -> str:
    """Label that the ratios refer to: ``wanted``, else STE, else the first.

    Raises:
        ValueError: If ``wanted`` does not take part.
    """
    if wanted is None:
        return 'STE' if 'STE' in labels else labels[0]
    if wanted not in labels:
        raise ValueError(
            f'--base {wanted!r} does not take part; there are '
            f'{", ".join(labels)}. Write --base {labels[0]!r}'
        )
    return wanted


def conditions(**details) -> dict:
    """Command, machine and versions, and the ``details`` of the tool."""
    device = details.get('device', 'cpu')
    machine = processor()
    if torch.device(device).type == 'cuda':
        machine += f', {torch.cuda.get_device_name(device)}'
    return dict(
        command=shlex.join(['python', *sys.argv]),
        date=date.today().isoformat(),
        machine=machine,
        versions=versions(),
        **details,
    )


def conditions_text(found: dict) -> str:
    """:func:`conditions` as the lines above a table."""
    known = ('command', 'date', 'machine', 'versions')
    stack = ', '.join(f'{k} {v}' for k, v in found['versions'].items())
    rest = ', '.join(f'{key} {value}' for key, value in found.items() if key not in known)
    return f'`{found["command"]}`\n\n{found["date"]}, {found["machine"]}; {stack}; {rest}.'


def versions() -> dict:
    """Of Python and of the distributions that are installed."""
    found = {'Python': platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The processor's name, as the system has it."""
    info = Path('/proc/cpuinfo')
    rows = info.read_text().splitlines() if info.exists() else []
    names = [row.split(':', 1)[1].strip() for row in rows if row.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()


def write(text: str, content: dict, page: Optional[Path], out: Optional[Path]) -> None:
    """The Markdown ``text`` to ``page``, the ``content`` as JSON to ``out``;
    None skips one."""
    for path, written in ((page, text), (out, json.dumps(content, indent=1))):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(written.rstrip() + '\n')
