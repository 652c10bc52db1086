import json
import runpy
import sys

import pytest
from conftest import ROOT

SCRIPT = str(ROOT / 'tools/analysis_tools/plot_binary_stats.py')


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', [SCRIPT, *map(str, arguments)])
    runpy.run_path(SCRIPT, run_name='__main__')


def test_figure_lies_in_the_work_dir(monkeypatch, tmp_path):
    folder = tmp_path / 'time/vis_data'
    folder.mkdir(parents=True)
    rows = [
        {'loss': 1.0, 'iter': i, 'binary.flips.layer1': 0.1 * i, 'binary.norm_b.layer1': 0.5}
        for i in (1, 2, 3)
    ]
    (folder / 'scalars.json').write_text('\n'.join(json.dumps(row) for row in rows))
    run(monkeypatch, tmp_path)
    assert (tmp_path / 'binary_stats.png').stat().st_size > 5000


def test_a_folder_without_log_ends_with_the_reason(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match='not the --work-dir'):
        run(monkeypatch, tmp_path)
