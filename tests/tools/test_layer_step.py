import json
import runpy
import sys

import pytest
import torch
from conftest import ROOT

SCRIPT = str(ROOT / 'tools/benchmark/layer_step.py')
GEOMETRY = (4, 8, 6, 6, 1)


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(SCRIPT)


@pytest.fixture(scope='module')
def layers(tool):
    found = tool['contestants'](tool['CONTESTANTS'])
    return {
        label: tool['Layer'](contestant, GEOMETRY, 1, torch.device('cpu'))
        for label, contestant in found.items()
    }


def test_contestants_compute_the_same_binary_forward(layers):
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


def test_table_has_a_row_per_contestant(tool):
    entrants = tool['contestants'](['surge', 'ste', 'fp32'])
    results = {'tiny': tool['measure'](entrants, GEOMETRY, 1, 2, 1)}
    assert all(len(row['seconds']) == 2 for row in results['tiny'].values())
    rows = tool['table'](results, 'STE').splitlines()
    assert len(rows) == 2 + 3
    assert (
        next(r for r in rows if r.startswith('| STE |')).split('|')[3].strip() == '1.00 (1.00-1.00)'
    )


def run(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, 'argv', [SCRIPT, *map(str, arguments)])
    runpy.run_path(SCRIPT, run_name='__main__')


def test_whole_run_prints_and_writes(monkeypatch, capsys, tmp_path):
    page, out = tmp_path / 'page.md', tmp_path / 'out.json'
    run(
        monkeypatch,
        '--contestants',
        'ste',
        'surge',
        '--rounds',
        1,
        '--warmup',
        0,
        '--batch',
        1,
        '--markdown',
        page,
        '--out',
        out,
    )
    printed = capsys.readouterr().out
    assert printed.strip() == page.read_text().strip()
    assert 'layer_step.py --contestants ste surge' in printed
    content = json.loads(out.read_text())
    assert content['base'] == 'STE' and len(content['layers']) == 4
    assert all(len(found['SURGE']['seconds']) == 1 for found in content['layers'].values())


@pytest.mark.parametrize(
    'arguments, text',
    [
        (['--rounds', '0'], '--rounds 20'),
        (['--contestants', 'ste', 'tied'], 'Write --contestants'),
        (['--contestants', 'surge', '--base', 'STE'], "Write --base 'SURGE'"),
        (['--device', 'tpu'], 'Write --device cpu'),
    ],
)
def test_bad_arguments_end_with_the_corrected_line(monkeypatch, capsys, arguments, text):
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments)
    assert text in capsys.readouterr().err
