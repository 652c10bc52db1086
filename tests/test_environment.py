import os
import re
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from surge_mmdet import environment

ROOT = Path(__file__).parents[1]
FORK = {'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6', 'onedl-mmdetection': '3.5.1'}
UPSTREAM = {'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmdet': '3.3.0'}
RUNTIME = {name: '1.0' for name in environment.RUNTIME}
HERE, OTHER = (FORK, UPSTREAM) if environment.installed(tuple(FORK)) else (UPSTREAM, FORK)
BUILD = ['MMCV_WITH_OPS=1', 'CFLAGS=-O2 -g0']  # as shlex splits it


@pytest.fixture
def pretend(monkeypatch):
    """Pretend that these distributions are installed, and nothing else."""

    def install(versions, ops=True):
        def version(name):
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(environment.metadata, 'version', version)
        monkeypatch.setattr(environment, 'has_compiled_ops', lambda: ops)
        return environment.stack_problems()

    return install


def python(*arguments, path=''):
    """Run Python in a fresh process with ``path`` in front."""
    env = {**os.environ, 'PYTHONPATH': str(path)}
    return subprocess.run(
        [sys.executable, *arguments], env=env, cwd=ROOT, capture_output=True, text=True
    )


def commands(problem):
    """The commands that a problem tells to run, as lists of words."""
    lines = problem.split('Run:\n')[1].replace('&&', '\n').splitlines()
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize('family', [FORK, UPSTREAM])
def test_complete_stack_has_no_problem(pretend, family):
    assert pretend(family) == []
    environment.require_supported_stack()


def test_nothing_installed_shows_the_installation(pretend):
    (problem,) = pretend({'torch': '2.13.0'})
    assert 'no OpenMMLab stack is installed' in problem
    tools, stack = commands(problem)  # mmcv's build needs torch before it
    assert tools[:2] == ['pip', 'install']
    assert stack[:2] == BUILD and '--no-build-isolation' in stack


def test_files_of_the_installation_commands_exist(pretend):
    words = sum(commands(*pretend({})), [])
    files = [after for word, after in zip(words, words[1:], strict=False) if word in ('-r', '-c')]
    assert 'requirements/onedl.txt' in files
    assert [name for name in files if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize('family', [FORK, UPSTREAM])
@pytest.mark.parametrize('lost', [0, 1, 2])
def test_incomplete_stack_names_what_to_add(pretend, family, lost):
    name = list(family)[lost]
    (problem,) = pretend({n: v for n, v in family.items() if n != name})
    assert f'incomplete: {name} missing' in problem
    (command,) = commands(problem)
    assert command == [*BUILD, 'pip', 'install', '--no-build-isolation', name]


@pytest.mark.parametrize(
    'mixed', [{**FORK, **UPSTREAM}, {**FORK, 'mmdet': '3.3.0'}, {**UPSTREAM, 'onedl-mmcv': '2.3.6'}]
)
def test_doubled_stack_uninstalls_all_before_installing(pretend, mixed):
    (problem,) = pretend(mixed)
    assert 'overwrite each other' in problem
    uninstall, *install = commands(problem)
    assert uninstall[:3] == ['pip', 'uninstall', '-y']
    assert set(uninstall[3:]) == set(mixed)
    assert len(install) == 2
    assert all(f'{n} {v}' in problem for n, v in mixed.items())


@pytest.mark.parametrize('family, pin', [(FORK, 'onedl-mmcv==2.3.6'), (UPSTREAM, 'mmcv==2.1.0')])
def test_mmcv_without_operators_is_built_again(pretend, family, pin):
    (problem,) = pretend(family, ops=False)
    (command,) = commands(problem)
    assert command[:2] == BUILD
    assert command[-1] == pin and '--force-reinstall' in command
    with pytest.raises(environment.StackError, match='mmcv._ext'):
        environment.require_supported_stack()


def test_report_lists_every_problem(pretend):
    pretend({**FORK, 'mmdet': '3.3.0'})
    text = environment.report()
    assert 'torch is missing. Run:\n  pip install torch==' in text
    assert 'pycocotools is missing' in text
    assert text.count('PROBLEM: ') == 5
    assert text.endswith('5 problem(s); repair the first, run again')
    assert environment.main() == 1


def test_report_of_this_machine_finds_nothing():
    text = environment.report()
    assert text.endswith('no problem found') and 'PROBLEM' not in text
    assert re.search(r'mmcv operators +compiled', text)
    assert f'{metadata.version("torch")}' in text


def test_doctor_as_a_command():
    done = python('-m', 'surge_mmdet.environment')
    assert done.returncode == 0, done.stderr
    assert 'no problem found' in done.stdout
    assert 'RuntimeWarning' not in done.stderr


def test_doubled_stack_stops_the_import_but_not_the_doctor(tmp_path):
    name, version = next(iter(OTHER.items()))
    info = tmp_path / f'{name.replace("-", "_")}-{version}.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
    done = python('-c', 'import surge_mmdet', path=tmp_path)
    assert done.returncode == 1
    assert 'StackError: surge_mmdet cannot start' in done.stderr
    assert 'pip uninstall -y ' in done.stderr and name in done.stderr
    done = python('-m', 'surge_mmdet.environment', path=tmp_path)
    assert done.returncode == 1
    assert 'PROBLEM: the maintained fork and upstream' in done.stdout


@pytest.mark.parametrize('module', ['mmcv', 'mmengine'])
def test_doctor_reports_where_the_stack_does_not_import(tmp_path, module):
    (tmp_path / module).mkdir()
    (tmp_path / module / '__init__.py').write_text('raise ImportError("broken on purpose")')
    done = python('-m', 'surge_mmdet.environment', path=tmp_path)
    assert 'Traceback' not in done.stderr, done.stderr
    assert all(name in done.stdout for name in HERE)


@pytest.mark.parametrize('name', ['mmcv-lite', 'mmcv-full'])
def test_a_second_mmcv_is_found_and_uninstalled(pretend, name):
    (problem,) = pretend({**FORK, name: '2.1.0'})
    uninstall = commands(problem)[0]
    assert uninstall[:3] == ['pip', 'uninstall', '-y'] and name in uninstall


def test_broken_upstream_blocks_the_installation_of_the_fork(pretend):
    pretend({'mmengine': '0.10.7'})
    (blocker,) = environment.blockers()
    assert commands(blocker) == [['pip', 'uninstall', '-y', 'mmengine']]
    pretend(UPSTREAM)
    assert environment.blockers() == []
    pretend({})
    assert environment.blockers() == []


@pytest.mark.parametrize(
    'family, name',
    [(FORK, 'maintained fork'), (UPSTREAM, 'upstream, frozen since 2024'), ({}, 'none')],
)
def test_report_names_the_stack(pretend, family, name):
    pretend(family)
    assert f'OpenMMLab stack          {name}\n' in environment.report()


def test_tested_versions_are_those_of_the_requirements():
    pins = {}
    for file in ('build', 'onedl', 'upstream'):
        lines = (ROOT / f'requirements/{file}.txt').read_text().splitlines()
        pins.update(line.split('==') for line in lines if '==' in line)
    assert {name: pins[name] for name in environment.TESTED} == environment.TESTED
    assert environment.TESTED == {'torch': environment.TORCH, **FORK, **UPSTREAM}


def test_another_version_is_a_note_and_no_problem(pretend):
    pretend({**FORK, 'onedl-mmcv': '2.4.0', 'torch': '2.13.0+cpu', **RUNTIME})
    text = environment.report()
    assert 'NOTE: onedl-mmcv 2.4.0 is not the tested 2.3.6' in text
    assert text.count('NOTE') == 1
    assert text.endswith('no problem found')


def test_an_untested_python_is_a_note(pretend, monkeypatch):
    pretend({**FORK, 'torch': '2.13.0'})
    assert environment.notes() == []
    monkeypatch.setattr(environment.sys, 'version_info', (3, 13, 0))
    assert 'is outside 3.10 to 3.12' in environment.notes()[0]


def test_upstream_has_its_limits_listed(pretend):
    pretend({**UPSTREAM, 'torch': '2.13.0'})
    assert environment.notes() == list(environment.UPSTREAM_LIMITS)
    page = ' '.join((ROOT / 'docs/get_started/stacks.md').read_text().split())
    for limit in environment.UPSTREAM_LIMITS:
        assert limit in page


def test_upstream_without_pkg_resources_is_told_which_setuptools(pretend, monkeypatch):
    everything = {'torch': '2.13.0', **RUNTIME}
    monkeypatch.setattr(environment, '_has_pkg_resources', lambda: False)
    pretend({**FORK, **everything})
    assert 'PROBLEM' not in environment.report()
    pretend({**UPSTREAM, **everything})
    text = environment.report()
    assert "PROBLEM: upstream's mmengine needs pkg_resources" in text
    assert "pip install 'setuptools<82'" in text


def test_pages_show_the_command_of_the_doctor():
    """Flags that differ from page to page are how the operators became slow."""
    for page in ('docs/get_started/install.md', 'docs/get_started/stacks.md'):
        assert environment.BUILD_MMCV in (ROOT / page).read_text(), page
    assert 'CFLAGS:--O2 -g0}' in (ROOT / 'tools/_setup.sh').read_text()


def test_the_doctor_and_the_set_up_know_what_runs_at_all():
    """requirements/runtime.txt is more than torch, and a checkout is installed with --no-deps."""
    lines = (ROOT / 'requirements/runtime.txt').read_text().splitlines()
    needed = {re.split('[<>=]', line)[0] for line in lines if line and line[0] != '#'}
    assert needed - {'torch', 'numpy', 'matplotlib'} == set(environment.RUNTIME)
    setup = (ROOT / 'tools/_setup.sh').read_text()
    assert '-r requirements/runtime.txt' in setup
    assert all(name in setup for name in environment.RUNTIME if name != 'pycocotools')
    assert '-r requirements/runtime.txt' in (ROOT / 'docs/get_started/install.md').read_text()


def told_kernel() -> str:
    return re.search(r'^packed kernels +(.*)$', environment.report(), re.M)[1]


def test_report_names_the_kernel_of_packed_detectors(monkeypatch):
    from surge_mmdet.kernels import ops

    monkeypatch.delenv('SURGE_KERNEL', raising=False)
    known = (*ops.compiled_kernels(), 'torch')
    assert told_kernel().startswith(known[0] if len(known) > 1 else 'not compiled')
    if len(known) > 1:
        monkeypatch.setenv('SURGE_KERNEL', known[-2])
        assert told_kernel().startswith(f'{known[-2]} runs')
    monkeypatch.setenv('SURGE_KERNEL', 'avx3')
    assert told_kernel().startswith("unknown (SURGE_KERNEL: unknown 'avx3'; known are ")
    monkeypatch.delenv('SURGE_KERNEL')
    monkeypatch.setattr(ops, 'compiled_kernels', lambda: ())
    assert told_kernel() == (
        'not compiled; packed detectors run on torch, no faster than simulated ones'
    )
