"""A wheel for 64-bit ARM, made here; and the kernels' tests on an ARM Python.

SURGE_ARM_PYTHON is the path of one, native or a script that starts it under
qemu-user, with PyTorch 2.10 or newer, the OpenMMLab stack, pytest and hypothesis.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT
from distributions import copy_source, expected

pytestmark = [pytest.mark.slow, pytest.mark.timeout(6000)]
COMPILED = 'surge_mmdet/kernels/_C.abi3.so'
SCRIPT = 'tools/aarch64_wheel.sh'
AARCH64 = 183  # e_machine of an ELF file


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    return copy_source(tmp_path_factory.mktemp('source'))


@pytest.fixture(scope='module')
def wheel(source, tmp_path_factory):
    if not shutil.which('aarch64-linux-gnu-g++'):
        pytest.skip('aarch64-linux-gnu-g++ is not here: apt-get install g++-aarch64-linux-gnu')
    folder = tmp_path_factory.mktemp('wheel')
    done = subprocess.run(
        [source / SCRIPT, folder],
        env={**os.environ, 'PY': sys.executable},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == str(next(folder.iterdir()))
    return next(folder.iterdir())


def test_the_wheel_is_for_arm_and_as_whole_as_any(wheel, source):
    assert re.fullmatch(r'surge_mmdet-[\d.]+-cp310-abi3-linux_aarch64\.whl', wheel.name)
    with zipfile.ZipFile(wheel) as inside:
        names = {n for n in inside.namelist() if '.dist-info/' not in n and not n.endswith('/')}
        assert names == {*expected(source), COMPILED}
        library = inside.read(COMPILED)
    assert library[:4] == b'\x7fELF' and int.from_bytes(library[18:20], 'little') == AARCH64
    for name in (b'libc10.so', b'libtorch_cpu.so', b'neon'):
        assert name in library  # found through PyTorch, which has them loaded
    assert b'avx512-popcount' not in library


def test_without_the_cross_compiler_it_says_what_to_install(tmp_path):
    for name in ('bash', 'dirname', 'realpath'):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [ROOT / SCRIPT], env=dict(PATH=str(tmp_path)), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith('apt-get install g++-aarch64-linux-gnu')


def test_the_kernels_pass_their_tests_on_arm(wheel, tmp_path):
    python = os.environ.get('SURGE_ARM_PYTHON')
    if not python:
        pytest.skip('no ARM Python here: set SURGE_ARM_PYTHON to the path of one')
    with zipfile.ZipFile(wheel) as inside:
        inside.extractall(tmp_path / 'wheel')
    shutil.copytree(ROOT / 'tests', tmp_path / 'tests')
    shutil.copy(ROOT / 'pyproject.toml', tmp_path)
    done = subprocess.run(
        [
            python,
            '-m',
            'pytest',
            '-vv',
            '-p',
            'no:cacheprovider',
            '-o',
            'addopts=',
            'tests/kernels',
        ],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(tmp_path / 'wheel'), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert len(re.findall(r'\[neon.*PASSED|-neon\] PASSED', done.stdout)) > 10


def test_the_guide_names_this_test():
    page = (ROOT / 'docs/guides/raspberry_pi.md').read_text()
    assert f'tests/packaging/{Path(__file__).name}' in page
    assert 'SURGE_ARM_PYTHON' in page and f'{SCRIPT} dist' in page
