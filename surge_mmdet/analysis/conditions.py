"""Under what a figure was measured: command, machine, versions."""

import platform
import shlex
import sys
from datetime import date
from pathlib import Path

import torch

from ..environment import FORK, UPSTREAM, installed


def conditions(packages: tuple = (), **details) -> dict:
    """Command, date, machine and versions, and the ``details`` of a tool.

    Args:
        packages (tuple): Distributions to name beside PyTorch and OpenMMLab.
        **details: What else was so, by its name.
    """
    device = details.get('device', 'cpu')
    machine = processor()
    if torch.device(device).type == 'cuda':
        machine += f', {torch.cuda.get_device_name(device)}'
    return dict(
        command=shlex.join(['python', *sys.argv]),
        date=date.today().isoformat(),
        machine=machine,
        versions=versions(packages),
        **details,
    )


def conditions_text(found: dict) -> str:
    """:func:`conditions` as the lines above a table."""
    known = ('command', 'date', 'machine', 'versions')
    stack = ', '.join(f'{k} {v}' for k, v in found['versions'].items())
    rest = ', '.join(f'{key} {value}' for key, value in found.items() if key not in known)
    return f'`{found["command"]}`\n\n{found["date"]}, {found["machine"]}; {stack}; {rest}.'


def versions(packages: tuple = ()) -> dict:
    """Of Python and of the distributions that are installed."""
    names = ('torch', *FORK, *UPSTREAM, *packages)
    return {'Python': platform.python_version(), **installed(names)}


def processor() -> str:
    """The processor's name, as the system has it."""
    info = Path('/proc/cpuinfo')
    rows = info.read_text().splitlines() if info.exists() else []
    names = [row.split(':', 1)[1].strip() for row in rows if row.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()
