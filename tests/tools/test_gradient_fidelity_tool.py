"""The fidelity tool on a tiny detector, from config to table."""

import json
import runpy
import sys

import pytest
from conftest import ROOT, tiny_config

from surge_mmdet.analysis.tables import read_record

SCRIPT = str(ROOT / 'tools/analysis_tools/gradient_fidelity.py')
CONFIG = ROOT / 'configs/ablation'
LEAF = next(CONFIG.glob('faster-rcnn_*_surge_*.py'))
NARROW = (
    '--cfg-options',
    'model.backbone.base_channels=8',
    'model.neck.in_channels=[8,16,32,64]',
)
NAMES = ('STE', 'polynomial', 'DPGC, lambda 1', 'SURGE', 'polynomial + SURGE')


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """What the tool prints, its JSON, and its record."""

    def call(config, *arguments):
        out, record = tmp_path / 'fidelity.json', tmp_path / 'record.json'
        files = ('--out', out, '--record', record)
        words = [SCRIPT, config, *arguments, *files, *NARROW]
        monkeypatch.setattr(sys, 'argv', list(map(str, words)))
        runpy.run_path(SCRIPT, run_name='__main__')
        return capsys.readouterr().out, json.loads(out.read_text()), read_record(record)

    return call


def test_every_method_at_chosen_layers(run, tmp_path):
    layers = ('backbone.layer1.0.conv1', 'backbone.layer4.1.conv2')
    text, found, record = run(tiny_config(LEAF, tmp_path), '--samples', 3, '--layers', *layers)
    assert tuple(found) == layers
    for layer, rows in found.items():
        assert tuple(rows) == NAMES
        for name, row in rows.items():
            low, high = row['slope_interval']
            assert low <= row['slope'] <= high
            assert f'| {layer} | {name} | {row["slope"]:.2g} |' in text
    (table,) = record.values()
    assert table.markdown().splitlines()[2:] == [
        row for row in text.splitlines() if '| layer' not in row and '---' not in row
    ]
    # With a constant factor of 1 the early layer's gradient grows most.
    early = found[layers[0]]
    assert early['DPGC, lambda 1']['growth'] > early['STE']['growth'] > 0


@pytest.mark.parametrize(
    'arguments, text',
    [
        (('--layers', 'backbone.nothing'), 'Write --layers backbone.layer'),
        (('--layers', 'rpn_head.rpn_conv'), 'rpn_conv runs 5 times): unknown'),
        (('--sigma', '0'), '--sigma 0.3'),
    ],
)
def test_wrong_arguments_show_the_corrected_line(run, tmp_path, capsys, arguments, text):
    with pytest.raises(SystemExit) as error:
        run(tiny_config(LEAF, tmp_path), *arguments)
    assert text in str(error.value) + capsys.readouterr().err


def test_a_config_without_surge_is_refused(run, tmp_path):
    plain = ROOT / 'configs/faster_rcnn'
    plain = next(plain.glob('*fpn128_ste_12e_demo*.py'))
    with pytest.raises(SystemExit, match='choose a surge config'):
        run(tiny_config(plain, tmp_path))
