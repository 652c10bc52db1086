"""Times, and how many times as fast ours are."""

import pytest

from surge_mmdet.analysis.inference_cost import table
from surge_mmdet.analysis.inference_cost.contest import Outcome
from surge_mmdet.analysis.inference_cost.layer_contest import BINARY, BINARY_CHAIN, FLOAT_IN
from surge_mmdet.analysis.inference_cost.layers import Geometry, LayerSet

BITS_IN = 'packed, bits in'
FOUND = {
    BITS_IN: Outcome('ours', [1e-3, 1e-3, 1e-3], error=0.0),
    FLOAT_IN: Outcome('ours', [2e-3, 2e-3, 2e-3], error=0.0),
    'torch float32': Outcome('float32', [8e-3, 9e-3, 10e-3]),
    'torch float32, compiled': Outcome('float32', [9e-3, 10e-3, 11e-3]),
    'ncnn float32': Outcome('float32', [4e-3, 4e-3, 5e-3]),
    'OpenVINO int8': Outcome('int8', why='wrong values (relative error 0.9)', error=0.9),
    'ONNX Runtime int8': Outcome('int8', why='not installed (onnxruntime)'),
    BINARY: Outcome('binary', [6e-3, 6e-3, 6e-3]),
    BINARY_CHAIN: Outcome('binary', [3e-3, 3e-3, 3e-3]),
}
LAYERS = LayerSet('one', {'64x6x8': Geometry(64, 64, 6, 8)})


def test_times_stand_beside_reasons():
    lines = table.times_table({'64x6x8': FOUND}).markdown().splitlines()
    assert lines[0] == '| | 64x6x8: ms | x |'
    assert lines[2] == '| packed, bits in | 1.000 | 9.00 |'
    assert lines[4] == '| torch float32 | 9.000 | 1.00 |'
    assert '| OpenVINO int8 | wrong values (relative error 0.9) | - |' in lines
    assert '| ONNX Runtime int8 | not installed (onnxruntime) | - |' in lines


def test_ratios_are_to_the_fastest_of_each_kind():
    bits, floats = table.ratios_table(LAYERS, {'64x6x8': FOUND}).rows
    assert bits['torch float32'] == [9.0, 8.5, 9.5, 'torch float32']
    assert bits['best float32'][0] == 4.0 and bits['best float32'][3] == 'ncnn float32'
    assert bits['best int8'] is None  # nobody's time counts
    assert bits['speed'] == pytest.approx(6 * 8 * 64 * 64 * 9 / 1e-3)
    assert floats['torch float32'][0] == 4.5


def test_floats_meet_floats_and_bits_meet_bits():
    bits, floats = table.ratios_table(LAYERS, {'64x6x8': FOUND}).rows
    assert bits['OpenVINO binary'][::3] == [3.0, BINARY_CHAIN]
    assert floats['OpenVINO binary'][::3] == [3.0, BINARY]


def test_ours_may_be_wrong_too():
    wrong = {BITS_IN: Outcome('ours', why='wrong values (relative error 1)', error=1.0)}
    (row,) = table.ratios_table(LAYERS, {'64x6x8': {**FOUND, **wrong}}).cells()[:1]
    assert row == ['64x6x8', BITS_IN, 'wrong values (relative error 1)', *['-'] * 5]


def test_without_torch_there_is_no_ratio():
    left = {k: v for k, v in FOUND.items() if not k.startswith('torch')}
    assert '| packed, bits in | 1.000 | - |' in table.times_table({'64x6x8': left}).markdown()


def test_the_raw_times_are_all_there():
    assert table.raw({'64x6x8': FOUND})['64x6x8']['ncnn float32']['seconds'] == [4e-3, 4e-3, 5e-3]
