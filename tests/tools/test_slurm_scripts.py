"""The Slurm scripts: what they ask srun for, and what runs in each task."""

import os
import runpy
import subprocess
import sys

import pytest
from conftest import ROOT

# Writes down what it was asked for, and starts nothing.
SRUN = '#!/usr/bin/env bash\nprintf "%s\\n" "port $MASTER_PORT" "$@" >"$ASKED"\n'
SETTINGS = ('GPUS', 'GPUS_PER_NODE', 'CPUS_PER_TASK', 'SRUN_ARGS', 'PORT', 'MASTER_PORT')
PLAIN = ('--partition=gpu', '--job-name=my job', '--kill-on-bad-exit=1')


@pytest.fixture
def ask(tmp_path):
    """Run a script; the lines that srun got."""
    (tmp_path / 'srun').write_text(SRUN)
    (tmp_path / 'srun').chmod(0o755)

    def run(script, *arguments, **settings):
        environment = {k: v for k, v in os.environ.items() if k not in SETTINGS}
        environment.update(
            settings,
            PATH=f'{tmp_path}{os.pathsep}{os.environ["PATH"]}',
            ASKED=str(tmp_path / 'asked'),
        )
        command = [f'tools/{script}', *arguments]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
        return (tmp_path / 'asked').read_text().splitlines()

    return run


def split(lines):
    """Port, options of srun, and the command of a task."""
    start = lines.index('python')
    return lines[0], set(lines[1:start]), lines[start:]


def test_training_has_a_task_for_each_gpu(ask):
    lines = ask('slurm_train.sh', 'gpu', 'my job', 'my config.py', 'work dir', '--amp', '--resume')
    port, options, command = split(lines)
    assert port == 'port 29500'
    assert options == {
        *PLAIN,
        '--gres=gpu:8',
        '--ntasks=8',
        '--ntasks-per-node=8',
        '--cpus-per-task=5',
    }
    assert command == [
        *('python', '-u', 'tools/train.py', 'my config.py'),
        *('--work-dir', 'work dir', '--amp', '--resume', '--launcher', 'slurm'),
    ]


def test_a_test_gets_its_checkpoint(ask):
    lines = ask('slurm_test.sh', 'gpu', 'my job', 'config.py', 'epoch_1.pth', '--show-dir', 'out')
    assert split(lines)[2] == [
        *('python', '-u', 'tools/test.py', 'config.py', 'epoch_1.pth'),
        *('--show-dir', 'out', '--launcher', 'slurm'),
    ]


@pytest.mark.parametrize(
    'settings, wanted',
    [
        (dict(GPUS='4'), {'--gres=gpu:4', '--ntasks=4', '--ntasks-per-node=4'}),
        (dict(GPUS='16'), {'--gres=gpu:8', '--ntasks=16', '--ntasks-per-node=8'}),
        (
            dict(GPUS='16', GPUS_PER_NODE='4'),
            {'--gres=gpu:4', '--ntasks=16', '--ntasks-per-node=4'},
        ),
        (dict(CPUS_PER_TASK='2'), {'--cpus-per-task=2'}),
        (dict(SRUN_ARGS='--quotatype=auto --time=1:00'), {'--quotatype=auto', '--time=1:00'}),
    ],
)
@pytest.mark.parametrize('script', ['slurm_train.sh', 'slurm_test.sh'])
def test_the_environment_sets_the_rest(ask, script, settings, wanted):
    _, options, _ = split(ask(script, 'gpu', 'my job', 'config.py', 'last', **settings))
    assert wanted | set(PLAIN) <= options


@pytest.mark.parametrize('name', ['PORT', 'MASTER_PORT'])
def test_a_port_of_ones_own_reaches_the_tasks(ask, name):
    lines = ask('slurm_train.sh', 'gpu', 'my job', 'config.py', 'out', **{name: '29501'})
    assert lines[0] == 'port 29501'


@pytest.mark.parametrize('script', ['slurm_train.sh', 'slurm_test.sh'])
def test_usage_is_shown(script):
    result = subprocess.run(
        [f'tools/{script}', 'gpu'], cwd=ROOT, text=True, capture_output=True, timeout=60
    )
    assert result.returncode == 2
    assert 'Usage' in result.stderr and 'GPUS_PER_NODE' in result.stderr


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_the_tool_knows_the_launcher(monkeypatch, tool):
    """mmdet's own parser takes the command of a task."""
    import mmdet

    path = os.path.join(os.path.dirname(mmdet.__file__), '.mim/tools', tool)
    monkeypatch.setattr(sys, 'argv', [tool, 'config.py', 'epoch_1.pth', '--launcher', 'slurm'])
    if tool == 'train.py':
        sys.argv[2:3] = ['--work-dir', 'out']
    assert runpy.run_path(path)['parse_args']().launcher == 'slurm'
