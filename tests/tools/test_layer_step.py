"""The layer benchmark's tool, from command line to files."""

import json
import runpy
import sys

import pytest
from conftest import ROOT

from surge_mmdet.analysis.tables import read_record

SCRIPT = str(ROOT / 'tools/benchmark/layer_step.py')


def run(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, 'argv', [SCRIPT, *map(str, arguments)])
    runpy.run_path(SCRIPT, run_name='__main__')


@pytest.mark.parametrize('option', ['--methods', '--contestants'])
def test_whole_run_prints_and_writes(monkeypatch, capsys, tmp_path, option):
    page, out, record = (tmp_path / name for name in ('page.md', 'out.json', 'record.json'))
    run(
        monkeypatch,
        option,
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
        '--record',
        record,
    )
    printed = capsys.readouterr().out
    assert printed.strip() == page.read_text().strip()
    assert f'layer_step.py {option} ste surge' in printed
    assert read_record(record)['layers'].markdown() in printed
    content = json.loads(out.read_text())
    assert content['base'] == 'STE' and len(content['layers']) == 4
    assert all(len(found['SURGE']['seconds']) == 1 for found in content['layers'].values())


@pytest.mark.parametrize(
    'arguments, text',
    [
        (['--rounds', '0'], '--rounds 20'),
        (['--methods', 'ste', 'tide'], 'Write --methods tied'),
        (['--methods', 'surge', '--base', 'STE'], "Write --base 'SURGE'"),
        (['--device', 'tpu'], 'Write --device cpu'),
    ],
)
def test_bad_arguments_end_with_the_corrected_line(monkeypatch, capsys, arguments, text):
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments)
    assert text in capsys.readouterr().err
