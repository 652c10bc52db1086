"""Freed memory stays with a training's process; another's variables are respected."""

import platform
import subprocess
import sys

import pytest

from surge_mmdet.allocator import VARIABLES, keep_freed_memory

FAULTS = """
import resource, torch
from surge_mmdet.allocator import keep_freed_memory
keep = {keep}
assert not keep or keep_freed_memory()
def step():
    return [torch.ones(10**7) for _ in range(4)]  # beyond 32 MiB, where glibc learns nothing
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):  # by then the heap has its size
    step()
before = faults()
step()
print(faults() - before)
"""


def faults(keep: bool) -> int:
    done = subprocess.run(
        [sys.executable, '-c', FAULTS.format(keep=keep)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason="another C library's allocator")
def test_a_later_step_takes_no_fresh_pages():
    assert faults(keep=True) * 10 < faults(keep=False)


@pytest.mark.parametrize('name', VARIABLES)
def test_variables_of_the_user_are_left_alone(monkeypatch, name):
    monkeypatch.setenv(name, '1000000')
    assert not keep_freed_memory()


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, 'libc_ver', lambda: ('', ''))
    assert not keep_freed_memory()


HOLES = """
from pathlib import Path
from surge_mmdet.allocator import return_freed_memory
def pages():
    return int(Path('/proc/self/statm').read_text().split()[1])
kept = [bytearray(8000) for _ in range(20000)]
last = bytearray(8000)
kept.clear()
before = pages()
assert return_freed_memory()
print(before - pages())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='another C library')
def test_holes_in_the_heap_are_given_back():
    done = subprocess.run([sys.executable, '-c', HOLES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30000  # of about 39,000 pages
