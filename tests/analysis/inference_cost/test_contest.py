"""A time counts only behind values that are right."""

import logging
from types import SimpleNamespace

import pytest
import torch

from surge_mmdet.analysis.inference_cost.contest import (
    Contestant,
    Pace,
    Runner,
    Unavailable,
    compete,
    overall_error,
    relative_error,
)
from surge_mmdet.analysis.inference_cost.runtimes import onnx_runtime

WANTED = torch.tensor([3.0, 4.0])
PACE = Pace(rounds=3, warmup=1)


def contestant(label, values, tolerance=1e-3, parts=1):
    def build():
        return Runner.checked(lambda: (values(),), lambda: (WANTED,))

    return Contestant(label, 'float32', build, tolerance, parts)


def raising(error):
    def build():
        raise error

    return Contestant('it', 'float32', build, 1e-3)


@pytest.mark.parametrize(
    'values',
    [WANTED * 1.01, WANTED[:1], WANTED * torch.nan, WANTED * torch.inf, torch.zeros(2)],
    ids=['off', 'shape', 'nan', 'inf', 'zeros'],
)
def test_wrong_values_are_shown_as_such_and_take_no_turn(values):
    calls = []

    def give():
        calls.append(1)
        return values

    found = compete([contestant('right', lambda: WANTED), contestant('wrong', give)], PACE)
    assert found['right'].counts and len(found['right'].seconds) == 3
    assert found['right'].error == 0
    wrong = found['wrong']
    assert not wrong.counts and wrong.seconds == [] and wrong.error > 1e-3
    assert wrong.why.startswith('wrong values (relative error')
    assert len(calls) == 1  # for its values, never for its time


@pytest.mark.parametrize(
    'error, why',
    [
        (ModuleNotFoundError("No module named 'ncnn'", name='ncnn'), 'not installed (ncnn)'),
        (Unavailable('has no binary linear layer'), 'has no binary linear layer'),
        (RuntimeError('bad graph\nmore'), 'failed: RuntimeError: bad graph'),
    ],
)
def test_who_cannot_run_says_why(error, why):
    found = compete([raising(error), contestant('right', lambda: WANTED)], PACE)
    assert found['it'].why == why and found['it'].seconds == []
    assert found['right'].counts


def test_only_those_that_were_asked_for():
    both = [contestant('a', lambda: WANTED), contestant('b', lambda: WANTED)]
    assert list(compete(both, PACE._replace(only=('b',)))) == ['b']


def test_a_run_of_four_layers_counts_as_four(monkeypatch):
    ticks = iter(range(10**6))  # each look at the clock is one second later
    monkeypatch.setattr(Pace, 'now', lambda self: float(next(ticks)))
    found = compete(
        [contestant('one', lambda: WANTED), contestant('four', lambda: WANTED, parts=4)], PACE
    )
    assert found['one'].seconds == [1.0] * 3 and found['four'].seconds == [0.25] * 3


def test_errors_are_relative_and_the_largest_counts():
    want = [torch.tensor([3.0, 4.0]), torch.tensor([0.1])]
    got = [torch.tensor([3.0, 4.5]), torch.tensor([0.2])]
    assert relative_error(got, want) == pytest.approx(1.0)
    assert overall_error(got, want) == pytest.approx((0.26 / 25.01) ** 0.5, rel=1e-5)
    assert relative_error([torch.zeros(2)], [torch.zeros(2)]) == 0
    assert relative_error([torch.ones(2)], [torch.zeros(2)]) == float('inf')
    assert overall_error(got[:1], want) == float('inf')


def test_a_failing_quantization_leaves_the_log_as_it_was(tmp_path, monkeypatch):
    preprocess = pytest.importorskip('onnxruntime.quantization.shape_inference')

    def broken(*args, **options):
        raise RuntimeError('cannot')

    monkeypatch.setattr(preprocess, 'quant_pre_process', broken)
    before = logging.root.level
    part = SimpleNamespace(folder=tmp_path, onnx=tmp_path / 'a.onnx', calibration=[])
    with pytest.raises(RuntimeError, match='cannot'):
        onnx_runtime.int8(part, 1)
    assert logging.root.level == before
