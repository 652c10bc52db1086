"""tools/analysis_tools/result_table.py: from work dirs to tables and curves."""

import json
import runpy
import sys

import pytest
from analysis.curves.logs import train_row, val_row, write_log
from analysis.step_cost.small_detector import small_config
from conftest import ROOT

from surge_mmdet.analysis.tables import read_record

TOOL = str(ROOT / 'tools/analysis_tools/result_table.py')


def trained(folder, ap: float):
    """The work dir of a small detector that finds a box, or none."""
    folder.mkdir()
    small_config(folder)
    write_log(folder, '1', [train_row(1, 2.0), train_row(2, 1.0), val_row(1, ap)])
    box = dict(image_id=1, category_id=0, bbox=[10, 10, 20, 20])
    truth = dict(
        info={},
        images=[dict(id=1, width=100, height=100, file_name='')],
        categories=[dict(id=0, name='cat')],
        annotations=[dict(box, id=1, iscrowd=0, area=400)],
    )
    (folder / 'test.gt.json').write_text(json.dumps(truth))
    (folder / 'test.bbox.json').write_text(json.dumps([dict(box, score=0.9)] if ap else []))
    return folder


@pytest.fixture
def call(monkeypatch, capsys):
    """What the tool prints for these arguments."""

    def run(*arguments) -> str:
        monkeypatch.setattr(sys, 'argv', [TOOL, *map(str, arguments)])
        runpy.run_path(TOOL, run_name='__main__')
        printed = capsys.readouterr().out
        return printed[printed.index('| |') :]  # mmdet may talk when it is imported

    return run


def test_three_tables_their_json_and_the_curves(call, tmp_path):
    good, bad = trained(tmp_path / 'good', 1.0), trained(tmp_path / 'bad', 0.0)
    out, record = tmp_path / 'new/results', tmp_path / 'record.json'
    text = call(f'SURGE={good}', f'STE={bad}', '--out', out, '--record', record)
    accuracy, size, time = text.strip().split('\n\n')
    assert accuracy.splitlines() == [
        '| | AP | AP50 | AP50/cat |',
        '|---|---|---|---|',
        '| SURGE | 1.000 | 1.000 | 1.000 |',
        '| STE | 0.000 | 0.000 | 0.000 |',
    ]
    assert time.splitlines()[2] == '| SURGE | 1.000 | 2 | 0 |'
    assert out.with_suffix('.md').read_text() == text
    assert out.with_suffix('.png').stat().st_size > 5000
    rows = json.loads(out.with_suffix('.json').read_text())
    assert rows['SURGE']['float MB'] > rows['SURGE']['packed MB'] > 0
    assert rows['SURGE']['OPs G'] == rows['SURGE']['FLOPs G'] + rows['SURGE']['BOPs G'] / 64
    tables = [table.markdown() for table in read_record(record).values()]
    assert tables == [accuracy, size, time]


def test_a_config_without_a_scale_shows_the_line(call, tmp_path):
    folder = trained(tmp_path / 'run', 1.0)
    with (folder / 'small.py').open('a') as file:
        file.write("test_dataloader = dict(dataset=dict(pipeline=[dict(type='LoadImage')]))\n")
    with pytest.raises(SystemExit, match=r"Write dict\(type='Resize', scale=\(320, 240\)"):
        call(f'SURGE={folder}', '--out', tmp_path / 'results')


@pytest.mark.parametrize('argument', ['work_dirs/none', 'SURGE=work_dirs/none'])
def test_what_is_no_run_is_named(call, argument):
    with pytest.raises(SystemExit, match='is not LABEL=FOLDER.*Write: surge=work_dirs/quickstart'):
        call(argument)


def test_an_untested_run_is_named(call, tmp_path):
    folder = trained(tmp_path / 'run', 1.0)
    (folder / 'test.gt.json').unlink()
    with pytest.raises(SystemExit, match='test.gt.json.*test_evaluator.outfile_prefix='):
        call(f'SURGE={folder}', '--out', tmp_path / 'results')
