"""The markers that choose a part of the suite."""

import subprocess
import sys
from collections import Counter

import pytest
from conftest import DIST, ROOT, SLOW


@pytest.mark.parametrize('name', [*SLOW, *DIST])
def test_marked_files_exist(name):
    """A file that moved would silently become a fast one."""
    assert list((ROOT / 'tests').glob(f'{name}*')), name


def collected(expression: str) -> str:
    """Ids of one slow, one distributed and one fast file's chosen tests."""
    files = ('tests/layers/test_compile.py', 'tests/layers/test_ddp.py')
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '--collect-only', '-p', 'no:cacheprovider']
        + ['-m', expression, *files, 'tests/layers/test_rprelu.py'],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_fast_part_leaves_out_the_slow_files():
    fast = collected('not slow and not dist and not gpu')
    assert 'test_rprelu' in fast
    assert 'test_compile' not in fast and 'test_ddp' not in fast


def test_marked_files_can_be_asked_for():
    slow, dist = collected('slow'), collected('dist')
    assert 'test_compile' in slow and 'test_rprelu' not in slow
    assert 'test_ddp' in dist and 'test_compile' not in dist


def test_no_two_test_files_have_one_name():
    """pytest imports them by their name alone, and stops at the second."""
    names = Counter(path.name for path in (ROOT / 'tests').rglob('test_*.py'))
    assert [name for name, count in names.items() if count > 1] == []
