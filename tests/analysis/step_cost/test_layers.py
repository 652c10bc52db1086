"""Single layers: the same forward, and what each keeps."""

import pytest
import torch

from surge_mmdet.analysis.step_cost import Layer, layers_table, measure, parse_method
from surge_mmdet.analysis.step_cost.layers import COMPARED

GEOMETRY = (4, 8, 6, 6, 1)


@pytest.fixture(scope='module')
def layers():
    found = map(parse_method, COMPARED)
    return {m.label: Layer(m, GEOMETRY, 1, torch.device('cpu')) for m in found}


def test_methods_compute_the_same_binary_forward(layers):
    want = layers['STE'].model(layers['STE'].x)
    for name, layer in layers.items():
        torch.testing.assert_close(layer.x, layers['STE'].x)
        if name != 'FP32':
            torch.testing.assert_close(layer.model(layer.x), want, msg=name)


def test_autograd_keeps_more_than_the_function(layers):
    found = {name: layer.memory() for name, layer in layers.items()}
    saved = {name: row['saved'] for name, row in found.items()}
    assert saved['FP32'] == 0  # its input and weight exist anyway
    assert saved['STE, autograd'] > saved['STE'] == saved['SURGE']
    assert saved['SURGE, literal'] >= saved['STE, autograd']
    assert saved['SURGE, branch=tied'] == saved['STE']
    assert all(row['allocator'] > row['saved'] for row in found.values())


def test_every_method_is_measured_in_every_round():
    methods = {m.label: m for m in map(parse_method, ('surge', 'ste', 'fp32'))}
    results = {'tiny': measure(methods, GEOMETRY, 1, 2, 1)}
    assert all(len(row['seconds']) == 2 for row in results['tiny'].values())
    rows = layers_table(results, 'STE').markdown().splitlines()
    assert len(rows) == 2 + 3
    (ste,) = (row.split(' | ') for row in rows if row.startswith('| STE |'))
    assert ste[2] == '1.00 (1.00-1.00)'
