"""The shell side of the set-up: syntax, progress, remedies."""

import os
import subprocess

import pytest
from conftest import ROOT

SCRIPTS = sorted([*(ROOT / 'tools').glob('*.sh'), ROOT / '.ci/run'])


def run_bash(text: str, **kwargs):
    return subprocess.run(
        ['bash', '-c', text], cwd=ROOT, text=True, capture_output=True, timeout=60, **kwargs
    )


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda p: p.name)
def test_syntax(script):
    result = run_bash(f'bash -n {script}')
    assert result.returncode == 0, result.stderr


def in_setup(commands: str):
    """Run commands with the set-up functions, logs in a temporary place."""
    return run_bash(f'. tools/_setup.sh; LOGS=$(mktemp -d); {commands}')


def test_step_reports_duration_and_what_is_left():
    result = in_setup('plan 5 60; step first "no remedy" true; skip second')
    assert result.returncode == 0, result.stderr
    assert '[ 1] first (about 0:05, then 1:00 more)' in result.stdout
    assert 'done in 0:0' in result.stdout
    assert '[ 2] second: already done' in result.stdout


def test_failure_names_the_remedy_and_shows_the_log():
    result = in_setup(
        'plan 5; step broken "turn it off and on" '
        'bash -c "echo last words; exit 3"; echo not reached'
    )
    assert result.returncode == 1
    assert 'FAILED: broken (exit status 3)' in result.stderr
    assert 'last words' in result.stderr
    assert 'Remedy: turn it off and on' in result.stderr
    assert 'not reached' not in result.stdout


def test_missing_compiler_names_the_package():
    result = in_setup('need_command no-such-compiler build-essential')
    assert result.returncode == 1
    assert 'apt-get install build-essential' in result.stderr


@pytest.mark.parametrize('name', ['dist_train.sh', 'dist_test.sh'])
def test_usage_is_shown(name):
    result = run_bash(f'tools/{name}')
    assert result.returncode == 2 and 'Usage' in result.stderr


def test_train_tool_hands_over_to_mmdet(tmp_path):
    import sys

    result = subprocess.run(
        [sys.executable, ROOT / 'tools/train.py', '--help'],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert result.returncode == 0 and 'Train a detector' in result.stdout


def test_a_module_of_the_current_folder_does_not_count_as_installed():
    result = in_setup(
        'cd "$LOGS"; touch only_here.py; PY=python3; '
        'has "import only_here" && echo found; has "import sys"'
    )
    assert result.returncode == 0 and 'found' not in result.stdout


def test_interrupt_ends_the_running_step_too(tmp_path):
    import signal
    import time

    mark = f'{tmp_path}/child'
    text = (
        f'. tools/_setup.sh; LOGS={tmp_path}; plan 5; step x y '
        f'bash -c "echo \\$\\$ >{mark}; exec sleep 60"'
    )
    shell = subprocess.Popen(
        ['bash', '-c', text], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(100):
        time.sleep(0.1)
        if os.path.exists(mark) and open(mark).read().strip():
            break
    child = int(open(mark).read())
    shell.send_signal(signal.SIGTERM)
    assert shell.wait(20) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_benchmark_names_the_method_that_died(tmp_path):
    import sys

    result = subprocess.run(
        [
            sys.executable,
            ROOT / 'tools/benchmark/train_step.py',
            'no-such-config.py',
            '--rounds',
            '1',
        ],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert result.returncode != 0
    assert 'no-such-config.py ended with the error above' in result.stderr
