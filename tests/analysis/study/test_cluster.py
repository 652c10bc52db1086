"""Jobs of submitit on this machine: each is a worker."""

import json
import shutil
import sys
import time

import pytest
from analysis.study.small_comparison import CONFIG, FAKE, QUICK, starts

from surge_mmdet.analysis.study import Worker, executor, submit, wait

PLAN = f"""
config = {str(CONFIG)!r}
modules = ('backbone', 'neck', 'rpn_head')
methods = ('ste',)
baseline = 'ste'
tune_seed = 0
seeds = (1,)
optimizers = {{'SGD': dict(optimizer=dict(type='SGD'), lrs=(0.1, 0.2))}}
"""


@pytest.fixture
def worker(tmp_path):
    """In a repository whose training tool is the fake one."""
    (tmp_path / 'tools').mkdir()
    shutil.copy(FAKE, tmp_path / 'tools/train.py')
    (tmp_path / 'plan.py').write_text(PLAN)
    return Worker(
        plan=str(tmp_path / 'plan.py'),
        root=tmp_path,
        folder=tmp_path / 'out',
        optimizers=('SGD',),
        options=QUICK,
        keep=False,
        started=time.time(),
        command='python compare_methods.py plan.py --cluster local',
    )


def test_two_jobs_share_the_runs(worker):
    pytest.importorskip('submitit')
    jobs = submit(executor(worker.folder, 2, 'local', dict(timeout_min=5)), worker, 2)
    assert wait(jobs) == []
    assert worker.comparison().done == 3
    assert all(len(found) == 1 for found in starts(worker.folder).values())
    assert list((worker.folder / 'jobs').glob('*/*_log.out'))
    results = [json.loads(file.read_text()) for file in worker.folder.rglob('result.json')]
    told = {part['command'] for result in results for part in result['trained']}
    assert told == {worker.command}, "the user's, not that of the jobs"
    assert json.loads((worker.folder / 'record.json').read_text())['command'] == worker.command


def test_a_job_that_breaks_is_told(worker):
    pytest.importorskip('submitit')
    (worker.root / 'plan.py').write_text('nothing = 1')
    told = wait(submit(executor(worker.folder, 1, 'local', {}), worker, 1))
    assert len(told) == 1 and 'plan.py lacks these lines' in told[0] and 'See ' in told[0]


def test_a_job_at_its_time_limit_is_queued_again(worker):
    pytest.importorskip('submitit')
    again = worker.checkpoint()
    assert again.function == worker


def test_no_slurm_here(tmp_path, monkeypatch):
    pytest.importorskip('submitit')
    monkeypatch.setenv('PATH', '/nowhere')
    with pytest.raises(ValueError, match='--cluster slurm: .*Write --cluster slurm --job-options'):
        executor(tmp_path, 1, 'slurm', {})
    with pytest.raises(ValueError, match='--jobs 0: write --jobs 1'):
        executor(tmp_path, 0, 'local', {})
    assert not list(tmp_path.iterdir())


def test_without_submitit_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'submitit', None)
    with pytest.raises(ValueError, match='Write pip install submitit'):
        executor(tmp_path, 1, 'local', {})
