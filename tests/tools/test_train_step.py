"""The step benchmark's tool: its command line, and a whole run."""

import json
import os
import runpy
import subprocess
import sys

import pytest
from analysis.step_cost.small_detector import small_config
from conftest import ROOT

from surge_mmdet.analysis.step_cost import Setup, parse_method
from surge_mmdet.analysis.tables import read_record

SCRIPT = str(ROOT / 'tools/benchmark/train_step.py')


@pytest.fixture(scope='module')
def small(tmp_path_factory) -> str:
    return small_config(tmp_path_factory.mktemp('small'))


def test_whole_run_in_processes_of_their_own(small, tmp_path):
    page, out, record = (tmp_path / name for name in ('page.md', 'out.json', 'record.json'))
    result = subprocess.run(
        [
            sys.executable,
            SCRIPT,
            small,
            '--methods',
            'surge:branch=tied',
            'ste',
            '--rounds',
            '2',
            '--warmup',
            '0',
            '--batch',
            '1',
            '--shape',
            '64',
            '96',
            '--threads',
            '1',
            '--markdown',
            page,
            '--out',
            out,
            '--record',
            record,
        ],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=300,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )
    assert result.returncode == 0, result.stderr
    assert page.read_text().strip() in result.stdout
    rows = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in page.read_text().splitlines()
        if line[:1] == '|'
    ]
    assert [row[0] for row in rows[2:]] == ['SURGE, branch=tied', 'STE']
    assert rows[3][2] == '1.00 (1.00-1.00)' and len(set(map(len, rows))) == 1
    assert 'batch 1, threads 1, input 64x96' in page.read_text()
    assert read_record(record)['small'].markdown() in page.read_text()
    (race,) = json.loads(out.read_text())['races']
    assert race['base'] == 'STE' and race['config'] == small
    for found in race['methods'].values():
        assert len(found['seconds']) == 2 and min(found['seconds']) > 0
        assert found['allocator'] > found['state'] > 0
        assert found['saved'] > 0


def run(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, 'argv', [SCRIPT, *map(str, arguments)])
    runpy.run_path(SCRIPT, run_name='__main__')


@pytest.mark.parametrize(
    'arguments, text',
    [
        (['a.py', '--rounds', '0'], '--rounds 10'),
        (['a.py', '--batch', '0'], '--batch 4'),
        (['a.py', '--shape', '0', '4'], '--shape 240 320'),
        (['a.py', 'b/a.py'], 'a config takes part twice'),
        (['a.py', '--methods', 'ste', 'ste'], 'takes part twice: STE, STE'),
        (['a.py', '--methods', 'ste', 'lateral'], 'Write --methods lit'),
        (['a.py', '--contestants', 'fp32', '--base', 'STE'], "Write --base 'FP32'"),
        (['a.py', '--device', 'gpu'], 'Write --device cpu, or'),
    ],
)
def test_bad_arguments_end_with_the_corrected_line(monkeypatch, capsys, arguments, text):
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments)
    assert text in capsys.readouterr().err


def test_configs_run_against_each_other_as_they_are(monkeypatch):
    tool = runpy.run_path(SCRIPT)
    monkeypatch.setattr(sys, 'argv', [SCRIPT, 'x/a.py', 'b.py'])
    _, races, bases = tool['parse_arguments']()
    assert {title: list(setups) for title, setups in races.items()} == {'': ['a', 'b']}
    assert bases == {'': 'a'}
    assert races['']['a'] == Setup('x/a.py')


@pytest.mark.parametrize('option', ['--methods', '--contestants'])
def test_each_config_has_a_table_of_its_own(monkeypatch, option):
    tool = runpy.run_path(SCRIPT)
    monkeypatch.setattr(
        sys,
        'argv',
        [SCRIPT, 'a.py', 'b.py', option, 'fp32', 'ste', '--batch', '4', '--threads', '1'],
    )
    _, races, bases = tool['parse_arguments']()
    assert list(races) == ['a.py', 'b.py'] and set(bases.values()) == {'STE'}
    assert races['b.py']['FP32'] == Setup('b.py', parse_method('fp32'), batch=4, threads=1)
