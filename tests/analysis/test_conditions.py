"""What stands above a table."""

import subprocess

from surge_mmdet import __version__
from surge_mmdet.analysis import conditions as module
from surge_mmdet.analysis.conditions import (
    conditions,
    conditions_text,
    own_version,
    training_conditions,
)


def test_conditions_tell_command_and_versions(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tool.py', 'a b'])
    text = conditions_text(conditions(threads=3, device='cpu'))
    assert "`python tool.py 'a b'`" in text and 'threads 3' in text
    assert 'Python 3.' in text and 'torch 2.' in text


def test_a_checkout_tells_its_commit_and_an_installed_package_its_version(monkeypatch, tmp_path):
    monkeypatch.setattr(module, '__file__', str(tmp_path / 'surge_mmdet/analysis/conditions.py'))
    assert own_version() == __version__
    git = ['git', '-C', str(tmp_path), '-c', 'user.name=a', '-c', 'user.email=a@b']
    subprocess.run([*git, 'init', '-q'], check=True)
    assert own_version() == __version__  # no commit yet
    (tmp_path / 'a.txt').write_text('a')
    subprocess.run([*git, 'add', 'a.txt'], check=True)
    subprocess.run([*git, 'commit', '-qm', 'a'], check=True)
    commit = subprocess.run([*git, 'rev-parse', 'HEAD'], capture_output=True, text=True).stdout
    assert own_version() == f'{__version__}, commit {commit[:12]}'
    (tmp_path / 'a.txt').write_text('b')
    assert own_version().endswith(' with changes')
    monkeypatch.setattr(module.shutil, 'which', lambda name: None)
    assert own_version() == __version__


def test_a_training_tells_its_threads(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    assert training_conditions('')['threads_per_training'] == '3 (OMP_NUM_THREADS)'
    monkeypatch.delenv('OMP_NUM_THREADS')
    assert training_conditions('')['threads_per_training'] == 'as PyTorch chooses'
