"""The study tool: what it prints, and one real training."""

import json
import os
import subprocess
import sys

from conftest import ROOT, tiny_config
from mmengine.config import Config

TOOL = ROOT / 'tools/benchmark/run_study.py'
PLAN = ROOT / 'tools/benchmark/plans/bccd.py'


def call(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=dict(os.environ, OMP_NUM_THREADS='1'),
    )


def small_plan(folder) -> None:
    """One method, one rate, the tuning seed, on tiny data."""
    source = Config.fromfile(PLAN)
    tiny = tiny_config(ROOT / source.config, folder)
    Config(
        dict(
            source.to_dict(),
            config=str(tiny),
            seeds=(),
            methods=['ste'],
            optimizers=dict(SGD=dict(optimizer=dict(type='SGD'), lrs=(1e-3,))),
        )
    ).dump(folder / 'plan.py')


def test_tables_of_nothing_are_refused(tmp_path):
    found = call(PLAN, '--work-dir', tmp_path, '--tables')
    assert 'without --tables' in found.stderr and found.returncode == 1


def test_a_study_trains_and_then_has_nothing_to_do(tmp_path):
    small_plan(tmp_path)
    command = [
        tmp_path / 'plan.py',
        '--work-dir',
        tmp_path / 'out',
        '--cfg-options',
        'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0',
    ]
    first = call(*command)
    assert first.returncode == 0, first.stderr[-2000:]
    folder = tmp_path / 'out/SGD_STE_lr0.001_seed0'
    result = json.loads((folder / 'result.json').read_text())
    assert not result['diverged'] and not list(folder.glob('*.pth'))
    rows = json.loads((tmp_path / 'out/results.json').read_text())
    assert [row['method'] for row in rows] == ['STE']
    record = json.loads((tmp_path / 'out/record.json').read_text())
    assert 'run_study.py' in record['command'] and record['tables']
    before = (folder / 'output.txt').stat().st_mtime
    assert call(*command).returncode == 0
    assert (folder / 'output.txt').stat().st_mtime == before
