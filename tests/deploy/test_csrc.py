"""The C++ test program of the kernels: here, under sanitizers, and for ARM."""

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

CSRC = ROOT / 'surge_mmdet/deploy/csrc'
CHECKS = 'address,undefined,float-cast-overflow'
SANITIZERS = ('-O1', '-g0', f'-fsanitize={CHECKS}', '-fno-sanitize-recover=all')


def compiled(target: Path, compiler: str, *flags) -> Path:
    sources = [CSRC / 'tests/test_kernels.cpp', *sorted(CSRC.glob('kernels/*.cpp'))]
    command = [compiler, '-std=c++17', '-w', *flags, *map(str, sources), '-o', str(target)]
    subprocess.run(command, check=True, timeout=300)
    return target


def lines(*command) -> list:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def need(*programs) -> None:
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f'{program} is not here')


@pytest.mark.slow
def test_every_kernel_is_exact_and_touches_nothing_else(tmp_path):
    need('g++')
    found = lines(compiled(tmp_path / 'test', 'g++', *SANITIZERS), '60')
    assert found and found[-1].startswith('portable: ')
    assert all(line.endswith(('cases equal', 'not on this processor')) for line in found)


@pytest.mark.slow
def test_the_arm_kernel_is_exact(tmp_path, monkeypatch):
    """On the oldest processors of 64 bits, that of a Raspberry Pi 3 among them."""
    need('aarch64-linux-gnu-g++', 'qemu-aarch64')
    monkeypatch.setenv('QEMU_CPU', 'cortex-a53')
    program = compiled(tmp_path / 'test', 'aarch64-linux-gnu-g++', '-O2', '-static')
    found = lines('qemu-aarch64', program, '60')
    assert [line.split(':')[0] for line in found] == ['neon', 'portable']
    assert all(line.endswith('cases equal') for line in found)


@pytest.mark.slow
def test_the_program_finds_a_wrong_kernel(tmp_path):
    need('g++')
    folder = tmp_path / 'csrc'
    shutil.copytree(CSRC, folder)
    source = folder / 'kernels/portable.cpp'
    text = source.read_text()
    assert '__builtin_popcount(a ^ w[lane])' in text
    source.write_text(text.replace('(a ^ w[lane])', '(a & w[lane])'))
    sources = [folder / 'tests/test_kernels.cpp', *sorted(folder.glob('kernels/*.cpp'))]
    command = ['g++', '-std=c++17', '-w', '-O1', *map(str, sources), '-o', str(tmp_path / 'test')]
    subprocess.run(command, check=True, timeout=300)
    done = subprocess.run([tmp_path / 'test', '5'], capture_output=True, text=True)
    assert done.returncode == 1 and 'portable: the integer differs' in done.stdout
