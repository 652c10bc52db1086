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
    return tool['load_plan'](str(PLAN), ROOT)


def small_plan(folder) -> None:
    """One contestant, one rate, the tuning seed, on tiny data."""
    source = Config.fromfile(PLAN)
    tiny = tiny_config(ROOT / source.config, folder)
    Config(
        dict(
            source.to_dict(),
            config=str(tiny),
            seeds=(),
            contestants=dict(STE=source.contestants['STE']),
            optimizers=dict(SGD=dict(optimizer=dict(type='SGD'), lrs=(1e-3,))),
        )
    ).dump(folder / 'plan.py')


def leave(folder, run: Run, ap: float) -> None:
    (folder / run.name).mkdir()
    (folder / run.name / 'result.json').write_text(
        json.dumps(dict(AP=ap, AP50=ap, skipped=0, diverged=False))
    )


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
            'surge_mmdet.AGSHook' if surge else 'surge_mmdet.NonFiniteStepHook'
        )


def test_options_go_to_every_run(tool, plan):
    cfg = tool['run_config'](plan, Run('SGD', 'STE', 0.5, 7), {'train_cfg.max_epochs': 1})
    assert cfg.train_cfg.max_epochs == 1


def test_seeds_wait_for_the_rate(tool, plan, tmp_path):
    rates = plan.optimizers.SGD.lrs
    left = tool['pending'](plan, tmp_path, 'SGD')
    assert {run.seed for run in left} == {plan.tune_seed}
    for lr in rates:
        leave(tmp_path, Run('SGD', 'STE', lr, plan.tune_seed), lr)
    left = tool['pending'](plan, tmp_path, 'SGD')
    ready = [run for run in left if run.seed != plan.tune_seed]
    assert [(run.contestant, run.lr) for run in ready] == [('STE', max(rates))] * len(plan.seeds)


def test_two_processes_take_different_runs(tool, plan, tmp_path):
    first, lock = tool['next_run'](plan, tmp_path, ['SGD'])
    second, other = tool['next_run'](plan, tmp_path, ['SGD'])
    lock.close()
    again, third = tool['next_run'](plan, tmp_path, ['SGD'])
    assert first == again != second
    fcntl.flock(third, fcntl.LOCK_UN)
    other.close(), third.close()


def test_a_run_without_its_validation_is_not_finished(tool, tmp_path):
    log = tmp_path / 'time/vis_data'
    log.mkdir(parents=True)
    (log / 'scalars.json').write_text('{"loss": 1.0, "iter": 1}\n')
    assert tool['outcome'](tmp_path, 0) is None


def test_rates_beside_the_grid_are_read_back(tool, plan, tmp_path):
    plan = Config(plan.to_dict())
    plan.optimizers.SGD.own['STE'] = (0.5,)
    run = Run('SGD', 'STE', 0.5, plan.tune_seed)
    leave(tmp_path, run, 0.3)
    assert run in tool['read_results'](plan, tmp_path)
    assert '| lr 0.5 |' in tool['write_tables'](plan, tmp_path)


def test_a_folder_of_another_config_is_refused(tool, plan, tmp_path):
    run = Run('SGD', 'STE', 0.1, 0)
    cfg = tool['run_config'](plan, run, {})
    assert tool['write_config'](cfg, tmp_path) == tmp_path / 'run.py'
    tool['write_config'](cfg, tmp_path)  # as a resumed study does
    cfg.train_cfg.max_epochs = 1
    with pytest.raises(SystemExit, match='another --work-dir'):
        tool['write_config'](cfg, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ['run.py']


def test_a_policy_that_only_names_a_surrogate_keeps_surge_checked(tool, plan):
    plan = Config(plan.to_dict())
    plan.contestants['own'] = dict(layer=dict(activation=dict(type='SignPolynomial')))
    cfg = tool['run_config'](plan, Run('SGD', 'own', 0.1, 0), {})
    assert cfg.default_hooks.ags.type == 'surge_mmdet.AGSHook'


def test_a_training_holds_the_lock_without_its_parent(tool, plan, tmp_path):
    _, lock = tool['next_run'](plan, tmp_path, ['SGD'])
    child = subprocess.Popen(
        [sys.executable, '-c', 'input()'], stdin=subprocess.PIPE, pass_fds=[lock.fileno()]
    )
    first = lock.name
    lock.close()  # as a killed parent does
    other, second = tool['next_run'](plan, tmp_path, ['SGD'])
    assert second.name != first
    second.close()
    child.communicate(b'\n')
    _, third = tool['next_run'](plan, tmp_path, ['SGD'])
    assert third.name == first
    third.close()


def test_a_diverged_run_counts_as_nothing_found(tool, tmp_path):
    (tmp_path / 'output.txt').write_text('x\nthe training has diverged. y')
    assert tool['outcome'](tmp_path, 1) == dict(AP=0.0, AP50=0.0, skipped=-1, diverged=True)
    (tmp_path / 'output.txt').write_text('KeyError')
    assert tool['outcome'](tmp_path, 1) is None


@pytest.mark.parametrize(
    'change, text',
    [
        (dict(baseline='STEE'), "Write baseline='STE'"),
        (dict(modules=None), r"lacks these lines:\nmodules = \('backbone'"),
        (dict(config='nothing.py'), 'is no file. Write a path from the root'),
        (dict(seeds=1), r'write seeds=\(1, \)'),
        (dict(seeds=(0, 1)), r'Write seeds=\(1,\)'),
        (
            dict(contestants={'STE': None, 'a b': None, 'a-b': None}),
            "'a-b' has no folder of its own",
        ),
        (dict(optimizers=dict(SGD=dict(lrs=(1,)))), 'needs optimizer and lrs'),
        (dict(optimizers=dict(SGD=dict(optimizer={}, lrs=0.1))), r'Write \(0.1, \)'),
        (
            dict(optimizers=dict(SGD=dict(optimizer={}, lrs=(1,), own=dict(STE=())))),
            'leaves the baseline',
        ),
        (
            dict(optimizers=dict(SGD=dict(optimizer={}, lrs=(1,), own=dict(tide=(1,))))),
            r"Write own={'tied': \[?\(?1",
        ),
    ],
)
def test_a_broken_plan_is_named(tool, tmp_path, change, text):
    values = Config.fromfile(PLAN).to_dict() | change
    Config({k: v for k, v in values.items() if v is not None}).dump(tmp_path / 'plan.py')
    with pytest.raises(ValueError, match=text):
        tool['load_plan'](str(tmp_path / 'plan.py'), ROOT)


@pytest.mark.parametrize(
    'change, text',
    [
        ({'val_evaluator.type': 'VOCMetric'}, "type='CocoMetric'"),
        ({'train_cfg.val_interval': 4}, 'val_interval=6'),
        (
            {'model.neck.policy': None, 'model.roi_head.policy': None},
            r"modules=\('backbone', 'neck', 'rpn_head', 'roi_head'\)",
        ),
    ],
)
def test_a_config_a_study_cannot_read_is_refused(tool, plan, change, text):
    cfg = Config.fromfile(plan.config)
    cfg.merge_from_dict(change)
    with pytest.raises(ValueError, match=text):
        tool['check_config'](plan, cfg)


@pytest.mark.parametrize(
    'policy, optimizer, text',
    [
        (dict(layer=dict(surge=dict(brnch='tied'))), 'SGD', "'broken'.*brnch"),
        (dict(layer=dict(surge=None)), 'AdamWW', "'broken'.*AdamWW"),
    ],
)
def test_a_mistake_is_known_before_the_first_training(tool, plan, policy, optimizer, text):
    plan = Config(
        plan.to_dict()
        | dict(
            contestants={'broken': policy},
            optimizers=dict(A=dict(optimizer=dict(type=optimizer), lrs=(1.0,))),
        )
    )
    with pytest.raises(ValueError, match=text):
        tool['check_contestants'](plan, lambda run: tool['run_config'](plan, run, {}))


def test_tables_of_nothing_are_refused(tmp_path):
    found = subprocess.run(
        [
            sys.executable,
            str(ROOT / 'tools/benchmark/run_study.py'),
            str(PLAN),
            '--work-dir',
            str(tmp_path),
            '--tables',
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert 'without --tables' in found.stderr and found.returncode == 1


def test_a_study_trains_and_then_has_nothing_to_do(tmp_path):
    small_plan(tmp_path)
    command = [
        sys.executable,
        str(ROOT / 'tools/benchmark/run_study.py'),
        str(tmp_path / 'plan.py'),
        '--work-dir',
        str(tmp_path / 'out'),
        '--cfg-options',
        'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0',
    ]
    environment = dict(os.environ, OMP_NUM_THREADS='1')
    first = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert first.returncode == 0, first.stderr[-2000:]
    folder = tmp_path / 'out/SGD_STE_lr0.001_seed0'
    result = json.loads((folder / 'result.json').read_text())
    assert not result['diverged'] and not list(folder.glob('*.pth'))
    rows = json.loads((tmp_path / 'out/results.json').read_text())
    assert [row['contestant'] for row in rows] == ['STE']
    before = (folder / 'output.txt').stat().st_mtime
    subprocess.run(command, env=environment, check=True, timeout=300, capture_output=True)
    assert (folder / 'output.txt').stat().st_mtime == before
