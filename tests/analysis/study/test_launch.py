"""Environments of the workers: cores are shared, each GPU has one run."""

import os

import pytest
import torch

from surge_mmdet.analysis.study import gpus, processes


def test_processes_share_the_cores(monkeypatch):
    monkeypatch.setattr(os, 'cpu_count', lambda: 16)
    monkeypatch.delenv('OMP_NUM_THREADS')
    assert processes(1) == [{}]
    assert processes(4) == [{'OMP_NUM_THREADS': '4'}] * 4
    assert processes(40) == [{'OMP_NUM_THREADS': '1'}] * 40
    monkeypatch.setenv('OMP_NUM_THREADS', '2')  # the user's word counts
    assert processes(4) == [{}] * 4
    with pytest.raises(ValueError, match='write --processes 1'):
        processes(0)


def test_each_gpu_has_a_worker(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 3)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    assert gpus([0, 2]) == [{'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '2'}]
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '5,GPU-ab,7')
    assert gpus([1, 2]) == [{'CUDA_VISIBLE_DEVICES': 'GPU-ab'}, {'CUDA_VISIBLE_DEVICES': '7'}]


@pytest.mark.parametrize(
    'numbers, there, text',
    [
        ([0], 0, 'PyTorch sees no GPU here. Write --processes 1'),
        ([0, 3], 2, '--gpus 0 3: PyTorch sees 2 here, .*Write --gpus 0$'),
        ([1, 1], 2, 'Write --gpus 1$'),
        ([5], 2, 'Write --gpus 0 1$'),
    ],
)
def test_gpus_that_are_not_there_are_refused(monkeypatch, numbers, there, text):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: there)
    with pytest.raises(ValueError, match=text):
        gpus(numbers)
