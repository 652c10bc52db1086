"""The types of the rooms that others build on, as mypy reads them."""

import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.slow
def test_mypy_finds_nothing():
    pytest.importorskip('mypy', reason='mypy is not here: pip install -r requirements/tests.txt')
    done = subprocess.run(
        [sys.executable, '-m', 'mypy'], cwd=ROOT, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
