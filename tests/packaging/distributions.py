"""Builds what is published, and says what it has to hold."""

import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

FOLDERS = ('surge_mmdet', 'configs', 'tools', 'requirements')
FILES = (
    'setup.py',
    'pyproject.toml',
    'README.md',
    'LICENSE',
    'MANIFEST.in',
    'model-index.yml',
    'CHANGELOG.md',
    'CITATION.cff',
)
LEFT = ('.mim', '__pycache__', '*.so', '*.tgz')  # what a build or a person leaves in a checkout


def copy_source(target: Path) -> Path:
    """A copy of what is packed: the build writes beside the sources."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns(*LEFT))
    for name in FILES:
        shutil.copy(ROOT / name, target)
    return target


def build(source: Path, command: str) -> Path:
    """Run setup.py; the file it makes."""
    done = subprocess.run(
        [sys.executable, 'setup.py', '-q', command, '--dist-dir', 'dist'],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return next((source / 'dist').iterdir())


def wheel_of(archive: Path, folder: Path) -> Path:
    """The wheel that pip makes of a source distribution, in this environment."""
    options = ('--no-build-isolation', '--no-deps', '--no-index', '-w', str(folder))
    done = subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '-q', *options, str(archive)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob('*.whl'))


def expected(source: Path) -> dict:
    """Every file that a wheel of ``source`` has to hold, by its name there.

    All of the package but its C++ sources, and what MIM looks for. So a new
    kind of file that nobody names in setup.py is missed.
    """
    found = {'surge_mmdet/.mim/model-index.yml': source / 'model-index.yml'}
    for folder, place in (('surge_mmdet', ''), ('configs', MIM), ('tools', MIM)):
        for path in sorted((source / folder).rglob('*')):
            name = path.relative_to(source).as_posix()
            if path.is_file() and '/csrc/' not in name:
                found[place + name] = path
    return found


MIM = 'surge_mmdet/.mim/'
