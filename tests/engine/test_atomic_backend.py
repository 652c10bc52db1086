import errno
import os
from io import BytesIO

import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.runner.checkpoint import save_checkpoint

from surge_mmdet.engine import AtomicLocalBackend

ATOMIC = dict(backend='surge_atomic')


@pytest.fixture
def old(tmp_path):
    """A checkpoint that is already there."""
    path = tmp_path / 'epoch_1.pth'
    AtomicLocalBackend().put(b'the old bytes', path)
    return path


def test_backend_is_found_by_name(tmp_path):
    backend = get_file_backend(str(tmp_path), backend_args=ATOMIC)
    assert isinstance(backend, AtomicLocalBackend)


def test_new_bytes_replace_the_old(old):
    AtomicLocalBackend().put(b'the new bytes', old)
    assert old.read_bytes() == b'the new bytes'
    assert os.listdir(old.parent) == [old.name]


def test_missing_folders_are_made(tmp_path):
    path = tmp_path / 'a/b/c.pth'
    AtomicLocalBackend().put(b'bytes', str(path))
    assert path.read_bytes() == b'bytes'


@pytest.mark.parametrize('call', ['os.fsync', 'os.replace'])
def test_full_disk_leaves_the_old_file_and_no_part(old, monkeypatch, call):
    def fail(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(call, fail)
    with pytest.raises(OSError, match='No space left'):
        AtomicLocalBackend().put(b'the new bytes', old)
    monkeypatch.undo()
    assert old.read_bytes() == b'the old bytes'
    assert os.listdir(old.parent) == [old.name]


def test_bytes_are_on_the_disk_before_the_name_moves(old, monkeypatch):
    calls = []
    for name in ('fsync', 'replace'):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1]
        )
    AtomicLocalBackend().put(b'the new bytes', old)
    assert calls == ['fsync', 'replace']


def test_checkpoint_round_trip(tmp_path):
    path = str(tmp_path / 'w.pth')
    save_checkpoint(dict(w=torch.arange(4)), path, backend_args=ATOMIC)
    content = BytesIO(AtomicLocalBackend().get(path))
    loaded = torch.load(content, weights_only=False)
    assert loaded['w'].tolist() == [0, 1, 2, 3]
