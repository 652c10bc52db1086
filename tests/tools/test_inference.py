"""The inference benchmark's tool, from command line to files."""

import json
import runpy
import sys

import pytest
from conftest import ROOT
from deploy.packing import config

from surge_mmdet.analysis.inference_cost import layers
from surge_mmdet.analysis.tables import read_record

SCRIPT = str(ROOT / 'tools/benchmark/inference.py')
QUICK = ['--rounds', 1, '--warmup', 0]


def run(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, 'argv', [SCRIPT, *map(str, arguments)])
    runpy.run_path(SCRIPT, run_name='__main__')


def files(folder) -> list:
    return [folder / 'page.md', folder / 'out.json', folder / 'record.json']


def test_layers_are_printed_and_written(monkeypatch, capsys, tmp_path):
    small = layers.LayerSet('Small', {'16x4x4': layers.Geometry(16, 16, 4, 4)})
    monkeypatch.setitem(layers.SETS, 'conv3x3', small)
    page, out, record = files(tmp_path)
    only = ['packed, bits in', 'packed, float in', 'torch float32', 'simulated']
    where = ['--markdown', page, '--out', out, '--record', record]
    run(
        monkeypatch,
        *['layers', '--sets', 'conv3x3', '--threads', 1, 2, *QUICK],
        *['--contestants', *only, *where],
    )
    printed = capsys.readouterr().out
    tables = read_record(record)
    assert list(tables) == [
        f'conv3x3-threads{n}-{kind}' for n in (1, 2) for kind in ('times', 'ratios')
    ]
    for table in tables.values():
        assert table.markdown() in printed and table.markdown() in page.read_text()
    assert 'inference.py layers --sets conv3x3' in printed and 'instruction sets' in printed
    found = json.loads(out.read_text())['results']['Small, 2 threads']['16x4x4']
    assert set(found) == set(only)
    assert all(len(each['seconds']) == 1 for each in found.values())


def test_a_detector_is_printed_and_written(monkeypatch, capsys, tmp_path):
    path = tmp_path / 'tiny.py'
    cfg = config('FasterRCNN')
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == 'Resize':
            step.scale = (96, 64)
    cfg.dump(path)
    page, out, record = files(tmp_path)
    where = ['--markdown', page, '--out', out, '--record', record]
    run(
        monkeypatch,
        *['detector', path, '--clock', 'cpu', '--profile', *QUICK],
        *['--contestants', 'packed', 'torch float32', *where],
    )
    printed = capsys.readouterr().out
    tables = read_record(record)
    assert list(tables) == ['tiny-threads1-times', 'tiny-threads1-profile']
    assert 'noise of 64x96' in printed and 'weights random' in printed
    assert tables['tiny-threads1-times'].markdown() in page.read_text()


@pytest.mark.parametrize(
    'arguments, text',
    [
        (['layers', '--rounds', '0'], '--rounds 20'),
        (['layers', '--threads', '0'], 'write --threads 1'),
        (['layers', '--threads', '2', '--clock', 'cpu'], 'write --threads 1, or --clock wall'),
        (['layers', '--isa', 'avx-2'], 'Write --isa avx2'),
        (['layers', '--contestants', 'torch float'], "Write --contestants 'torch float32'"),
        (['detector', 'a.py', '--contestants', 'ncnn int8'], "Write --contestants 'OpenVINO int8'"),
        (['detector', 'a.py', '--accuracy'], 'Write --checkpoint FILE'),
        (['detector', 'configs/ssd/ssd300.py'], 'is not a config file. Write '),
    ],
)
def test_bad_arguments_end_with_the_corrected_line(monkeypatch, capsys, arguments, text):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *arguments)
    assert text in capsys.readouterr().err + str(stopped.value)
