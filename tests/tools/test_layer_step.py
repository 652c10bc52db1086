import runpy
import sys

import pytest
import torch
from conftest import ROOT

SCRIPT = str(ROOT / 'tools/benchmark/layer_step.py')


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(SCRIPT)


def test_contestants_compute_the_same_binary_forward(tool):
    torch.manual_seed(0)
    layers = tool['contestants'](4, 8, 1)
    weight = layers['STE'].weight
    x = torch.randn(1, 4, 6, 6)
    want = layers['STE'](x)
    for name, layer in layers.items():
        if name == 'FP32':
            continue
        own = getattr(layer, 'layer', layer)
        own.weight = weight
        torch.testing.assert_close(layer(x), want, msg=name)


def test_literal_keeps_more_than_the_function(tool):
    x = torch.randn(1, 4, 6, 6, requires_grad=True)
    layers = tool['contestants'](4, 8, 1)
    saved = {name: tool['saved_bytes'](layers[name], x)
             for name in ('STE, autograd', 'STE', 'SURGE', 'tied')}
    assert saved['STE, autograd'] > saved['STE'] == saved['SURGE']
    assert saved['tied'] == saved['STE']


def test_table_has_a_row_per_contestant(tool, monkeypatch, capsys, tmp_path):
    results = {'tiny': tool['measure']((4, 8, 6, 6, 1), 1, 2, 0)}
    rows = tool['table'](results).splitlines()
    assert len(rows) == 2 + len(tool['contestants'](4, 8, 1))
    assert next(r for r in rows if r.startswith('| STE |')).split('|')[
        3].strip() == '1.00'
    monkeypatch.setattr(sys, 'argv', [SCRIPT, '--rounds', '0'])
    with pytest.raises(SystemExit):
        runpy.run_path(SCRIPT, run_name='__main__')
    assert '--rounds 20' in capsys.readouterr().err
