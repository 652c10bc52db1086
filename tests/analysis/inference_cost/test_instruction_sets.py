"""What a processor can do, and how a run is held to less."""

import os
import sys

import pytest

from surge_mmdet.analysis.inference_cost import instruction_sets
from surge_mmdet.kernels.ops import kernel_name

AVX2 = instruction_sets.HELD_TO['avx2']


@pytest.fixture
def without(monkeypatch):
    for key in AVX2:
        monkeypatch.delenv(key, raising=False)


def test_a_run_starts_again_with_the_environment(monkeypatch, without):
    started = []
    monkeypatch.setattr(os, 'execve', lambda *args: started.append(args))
    monkeypatch.setattr(sys, 'argv', ['inference.py', 'layers', '--isa', 'avx2'])
    instruction_sets.held_to('avx2')
    ((program, line, environment),) = started
    assert program == sys.executable and line[1:] == sys.argv
    assert AVX2.items() <= environment.items()


def test_but_only_once(monkeypatch):
    monkeypatch.setattr(os, 'execve', lambda *args: pytest.fail('started again'))
    for key, value in AVX2.items():
        monkeypatch.setenv(key, value)
    instruction_sets.held_to('avx2')
    instruction_sets.held_to('native')


def test_unknown_sets_and_those_that_are_not_there_are_refused(monkeypatch):
    with pytest.raises(ValueError, match='Write --isa avx2'):
        instruction_sets.check_isa('avx-2')
    monkeypatch.setattr(instruction_sets, 'processor_flags', lambda: {'sse'})
    with pytest.raises(ValueError, match='no avx2. Write --isa native'):
        instruction_sets.check_isa('avx2')
    instruction_sets.check_isa('native')
    monkeypatch.setattr(instruction_sets, 'processor_flags', lambda: {'avx2'})
    instruction_sets.check_isa('avx2')


def test_the_head_of_a_table_tells_it(monkeypatch):
    monkeypatch.setattr(instruction_sets, 'processor_flags', lambda: {'avx2', 'fma', 'x87'})
    found = instruction_sets.runtime_conditions('avx2')
    assert found['instruction sets'] == 'avx2 fma' and found['kernel'] == kernel_name()
    assert 'OV_CPU_MAX_ISA=AVX2' in found['held to']
    assert 'held to' not in instruction_sets.runtime_conditions('native')
    assert not instruction_sets.has_vnni()
