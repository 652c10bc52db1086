"""The study tool: configs of runs, order, locks, and one real training."""
import fcntl
import json
import os
import runpy
import subprocess
import sys

import pytest
from conftest import ROOT, tiny_config
from mmengine.config import Config

from surge_mmdet.analysis.study import Run

PLAN = ROOT / 'configs/ablation/plan_bccd.py'


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools/benchmark/run_study.py'))


@pytest.fixture(scope='module')
def plan(tool):
    return tool['load_plan'](str(PLAN))


def small_plan(folder) -> None:
    """One contestant, one rate, the tuning seed, on tiny data."""
    source = Config.fromfile(PLAN)
    tiny = tiny_config(ROOT / source.config, folder)
    Config(dict(
        source.to_dict(), config=str(tiny), seeds=(),
        contestants=dict(STE=source.contestants['STE']),
        optimizers=dict(SGD=dict(optimizer=dict(type='SGD'), lrs=(1e-3, ))),
    )).dump(folder / 'plan.py')


def leave(folder, run: Run, ap: float) -> None:
    (folder / run.name).mkdir()
    (folder / run.name / 'result.json').write_text(json.dumps(
        dict(AP=ap, AP50=ap, skipped=0, diverged=False)))


@pytest.mark.parametrize('optimizer', ['AdamW', 'SGD'])
def test_each_contestant_has_its_policy_and_rate(tool, plan, optimizer):
    for name, policy in plan.contestants.items():
        cfg = tool['run_config'](plan, Run(optimizer, name, 0.5, 7), {})
        assert all(cfg.model[m].policy == policy for m in plan.modules)
        assert cfg.optim_wrapper.optimizer.lr == 0.5
        assert cfg.optim_wrapper.optimizer.type == optimizer
        assert cfg.randomness.seed == 7
        surge = policy is not None and policy.layer.surge is not None
        assert cfg.default_hooks.ags.type == (
            'surge_mmdet.AGSHook' if surge else
            'surge_mmdet.NonFiniteStepHook')


def test_options_go_to_every_run(tool, plan):
    cfg = tool['run_config'](plan, Run('SGD', 'STE', 0.5, 7),
                             {'train_cfg.max_epochs': 1})
    assert cfg.train_cfg.max_epochs == 1


def test_seeds_wait_for_the_rate(tool, plan, tmp_path):
    rates = plan.optimizers.SGD.lrs
    left = tool['pending'](plan, tmp_path, 'SGD')
    assert {run.seed for run in left} == {plan.tune_seed}
    for lr in rates:
        leave(tmp_path, Run('SGD', 'STE', lr, plan.tune_seed), lr)
    left = tool['pending'](plan, tmp_path, 'SGD')
    ready = [run for run in left if run.seed != plan.tune_seed]
    assert [(run.contestant, run.lr) for run in ready] == [
        ('STE', max(rates))] * len(plan.seeds)


def test_two_processes_take_different_runs(tool, plan, tmp_path):
    first, lock = tool['next_run'](plan, tmp_path, ['SGD'])
    second, other = tool['next_run'](plan, tmp_path, ['SGD'])
    lock.close()
    again, third = tool['next_run'](plan, tmp_path, ['SGD'])
    assert first == again != second
    fcntl.flock(third, fcntl.LOCK_UN)
    other.close(), third.close()


def test_a_diverged_run_counts_as_nothing_found(tool, tmp_path):
    (tmp_path / 'output.txt').write_text('x\nthe training has diverged. y')
    assert tool['outcome'](tmp_path, 1) == dict(
        AP=0.0, AP50=0.0, skipped=-1, diverged=True)
    (tmp_path / 'output.txt').write_text('KeyError')
    assert tool['outcome'](tmp_path, 1) is None


@pytest.mark.parametrize('change, text', [
    (dict(baseline='nothing'), "Write baseline='FP32'"),
    (dict(modules=None), 'lacks modules'),
])
def test_a_broken_plan_is_named(tool, tmp_path, change, text):
    values = Config.fromfile(PLAN).to_dict() | change
    Config({k: v for k, v in values.items() if v is not None}).dump(
        tmp_path / 'plan.py')
    with pytest.raises(SystemExit, match=text):
        tool['load_plan'](str(tmp_path / 'plan.py'))


def test_a_study_trains_and_then_has_nothing_to_do(tmp_path):
    small_plan(tmp_path)
    command = [sys.executable, str(ROOT / 'tools/benchmark/run_study.py'),
               str(tmp_path / 'plan.py'), '--work-dir', str(tmp_path / 'out'),
               '--cfg-options', 'train_dataloader.num_workers=0',
               'val_dataloader.num_workers=0']
    environment = dict(os.environ, OMP_NUM_THREADS='1')
    first = subprocess.run(command, env=environment, capture_output=True,
                           text=True, timeout=300)
    assert first.returncode == 0, first.stderr[-2000:]
    folder = tmp_path / 'out/SGD_STE_lr0.001_seed0'
    result = json.loads((folder / 'result.json').read_text())
    assert not result['diverged'] and not list(folder.glob('*.pth'))
    rows = json.loads((tmp_path / 'out/results.json').read_text())
    assert [row['contestant'] for row in rows] == ['STE']
    before = (folder / 'output.txt').stat().st_mtime
    subprocess.run(command, env=environment, check=True, timeout=300,
                   capture_output=True)
    assert (folder / 'output.txt').stat().st_mtime == before
