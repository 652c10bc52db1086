"""Python 3.10 to 3.12: statically always, by their interpreters where found.

Interpreters are looked for as ``python3.X`` on the path and below pyenv's
folder; SURGE_PYTHONS adds paths, separated by colons.
"""

import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from conftest import ROOT

VERSIONS = ('3.10', '3.11', '3.12')
HERE = '.'.join(map(str, sys.version_info[:2]))
SOURCES = ('surge_mmdet', 'tools', 'tests', 'configs', 'setup.py')
PURE_TORCH = ('tests/binarizers', 'tests/surge')
NEEDS = 'import torch, mmengine, mmcv.cnn, pytest, pytest_timeout, hypothesis'


def vermin(*paths) -> subprocess.CompletedProcess:
    """Ask vermin whether these run on the oldest version, as a command."""
    command = ['-c', 'import vermin; vermin.main()', f'-t={VERSIONS[0]}-', '--no-tips']
    return subprocess.run(
        [sys.executable, *command, *map(str, paths)], cwd=ROOT, capture_output=True, text=True
    )


@lru_cache
def interpreters() -> dict:
    """Found interpreters by version, this one among them."""
    pyenv = Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv')) / 'versions'
    asked = [Path(p) for p in os.environ.get('SURGE_PYTHONS', '').split(os.pathsep) if p]
    found = {HERE: [sys.executable]}
    for version in VERSIONS:
        named = shutil.which(f'python{version}')
        own = [p for p in asked if version_of(p) == version]
        candidates = [*own, named, *pyenv.glob(f'{version}.*/bin/python')]
        found.setdefault(version, []).extend(str(p) for p in candidates if p)
    return found


def version_of(python: Path) -> str:
    """'3.X' of an interpreter."""
    show = 'import sys; print("%d.%d" % sys.version_info[:2])'
    return subprocess.run([python, '-c', show], capture_output=True, text=True).stdout.strip()


def find_interpreter(version: str, script: str) -> str:
    """The first interpreter of this version that runs ``script``, or a skip."""
    candidates = interpreters()[version]
    if not candidates:
        pytest.skip(f'no Python {version} here: set SURGE_PYTHONS to the path of one')
    for python in candidates:
        # From another folder: the checkout must not be imported by accident.
        if subprocess.run([python, '-c', script], cwd='/', capture_output=True).returncode == 0:
            return python
    pytest.skip(f'{", ".join(candidates)} cannot run {script!r}')


def test_setup_and_constraints_name_the_oldest_version():
    setup = (ROOT / 'setup.py').read_text()
    assert f"python_requires='>={VERSIONS[0]}'" in setup
    minors = tuple(int(v.split('.')[1]) for v in VERSIONS)
    assert f'for minor in {minors}' in setup
    config = (ROOT / 'pyproject.toml').read_text()
    assert f'target-version = "py{VERSIONS[0].replace(".", "")}"' in config


def test_no_source_needs_a_younger_python():
    done = vermin(*SOURCES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    'line, version',
    [
        ('import tomllib', '3.11'),
        ('from typing import Self', '3.11'),
        ('from datetime import UTC', '3.11'),
        ('try: ...\nexcept* ValueError: ...', '3.11'),
    ],
)
def test_the_check_finds_younger_syntax_and_modules(tmp_path, line, version):
    (tmp_path / 'young.py').write_text(line + '\n')
    done = vermin(tmp_path / 'young.py')
    assert done.returncode == 1
    assert f'Minimum required versions: {version}' in done.stdout


@pytest.mark.parametrize('version', VERSIONS)
def test_every_source_compiles(version, tmp_path):
    python = find_interpreter(version, 'import compileall')
    env = {**os.environ, 'PYTHONPYCACHEPREFIX': str(tmp_path)}
    done = subprocess.run(
        [python, '-m', 'compileall', '-q', *SOURCES],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize('version', [v for v in VERSIONS if v != HERE])
def test_the_method_works_on_other_versions(version, tmp_path):
    """Binarizers and SURGE, the tests that need no detector."""
    python = find_interpreter(version, NEEDS)
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONDONTWRITEBYTECODE': '1'}
    done = subprocess.run(
        [python, '-m', 'pytest', '-p', 'no:cacheprovider', *PURE_TORCH],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert int(re.search(r'(\d+) passed', done.stdout).group(1)) > 100


def test_constraints_serve_every_version():
    """One pin for each package and version of Python."""
    from packaging.requirements import Requirement

    lines = (ROOT / 'requirements/constraints.txt').read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith('#')]
    for version in VERSIONS:
        valid = [
            pin.name.lower()
            for pin in pins
            if pin.marker is None or pin.marker.evaluate({'python_version': version})
        ]
        assert len(valid) == len(set(valid))
        assert {'torch', 'onedl-mmcv', 'numpy', 'scipy', 'matplotlib', 'pytest'} <= set(valid)
