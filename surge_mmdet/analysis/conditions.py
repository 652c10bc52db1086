"""Under what a figure was measured: command, machine, versions."""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Optional

import torch

from .. import __version__
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


def study_conditions() -> dict:
    """:func:`conditions` of trainings that other processes run: threads too."""
    cores, asked = os.cpu_count(), os.environ.get('OMP_NUM_THREADS')
    threads = f'{asked} (OMP_NUM_THREADS)' if asked else 'as PyTorch chooses'
    return conditions(cores=cores, threads_per_training=threads)


def conditions_text(found: dict) -> str:
    """:func:`conditions` as the lines above a table."""
    known = ('command', 'date', 'machine', 'versions')
    stack = ', '.join(f'{k} {v}' for k, v in found['versions'].items())
    rest = ', '.join(f'{key} {value}' for key, value in found.items() if key not in known)
    return f'`{found["command"]}`\n\n{found["date"]}, {found["machine"]}; {stack}; {rest}.'


def versions(packages: tuple = ()) -> dict:
    """Of this package, of Python, and of the distributions that are installed."""
    names = ('torch', *FORK, *UPSTREAM, *packages)
    return {
        'surge_mmdet': own_version(),
        'Python': platform.python_version(),
        **installed(names),
    }


def own_version() -> str:
    """Of this package; from a checkout its commit too, and whether files differ from it."""
    root = Path(__file__).parents[2]
    if not (root / '.git').exists() or not shutil.which('git'):
        return __version__
    commit = _git(root, 'rev-parse', '--short=12', 'HEAD')
    changed = _git(root, 'status', '--porcelain', '--untracked-files=no')
    if commit is None:
        return __version__
    return f'{__version__}, commit {commit}' + ' with changes' * bool(changed)


def _git(root: Path, *arguments: str) -> Optional[str]:
    """What git says of a checkout; None where it refuses, as with another owner's."""
    line = ['git', '-C', str(root), *arguments]
    done = subprocess.run(line, capture_output=True, text=True)
    return None if done.returncode else done.stdout.strip()


def processor() -> str:
    """The processor's name, as the system has it."""
    info = Path('/proc/cpuinfo')
    rows = info.read_text().splitlines() if info.exists() else []
    names = [row.split(':', 1)[1].strip() for row in rows if row.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()
