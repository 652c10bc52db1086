"""CI asks what `make lint` asks: each line of its recipe, as a test."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from conftest import ROOT

RECIPE = re.search(r'^lint:\n((?:\t.+\n)+)', (ROOT / 'Makefile').read_text(), re.M)
COMMANDS = [line.strip() for line in RECIPE.group(1).splitlines()]
NO_CACHE = dict(RUFF_NO_CACHE='true', MYPY_CACHE_DIR=os.devnull)


@pytest.mark.parametrize('command', COMMANDS)
def test_nothing_is_found_by(command):
    words = shlex.split(command.replace('$(PYTHON)', sys.executable))
    env = {**os.environ, **NO_CACHE}
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_recipe_is_whole():
    said = ' '.join(COMMANDS)
    assert all(f'-m {tool}' in said for tool in ('ruff check', 'ruff format --check', 'mypy'))


@pytest.mark.parametrize('text', ['import os\n', 'x  =  1\n'], ids=['unused', 'not formatted'])
def test_ruff_finds_something(tmp_path, text):
    (tmp_path / 'pyproject.toml').write_text((ROOT / 'pyproject.toml').read_text())
    (tmp_path / 'a.py').write_text(text)
    found = [
        subprocess.run([sys.executable, *line.split()[1:]], cwd=tmp_path, capture_output=True)
        for line in COMMANDS
        if 'ruff' in line
    ]
    assert any(done.returncode for done in found)
