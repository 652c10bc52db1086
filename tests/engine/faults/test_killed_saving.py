"""kill -9 at moments of one saving after another."""

import itertools
import time
from io import BytesIO

import torch
from small_runs import FORKS, finish, start

from surge_mmdet.engine import AtomicLocalBackend

pytest_plugins = ['fault_fixtures']


def checkpoint(number):
    """Bytes of a checkpoint of 8 MB that is full of ``number``."""
    file = BytesIO()
    torch.save(dict(number=number, w=torch.full((2**21,), number)), file)
    return file.getvalue()


def save_forever(path, contents, started):
    for content in itertools.cycle(contents):
        AtomicLocalBackend().put(content, path)
        started.set()


def test_killed_process_leaves_a_whole_checkpoint(processes, tmp_path):
    path = tmp_path / 'latest.pth'
    contents = [checkpoint(number) for number in (0, 1)]
    for delay in range(12):
        started = FORKS.Event()
        process = start(save_forever, tmp_path / 'error.txt', path, contents, started)
        assert started.wait(60)
        time.sleep(delay / 400)  # another moment of the saving each time
        process.kill()
        assert finish(process) == [-9], 'it ended before it was killed'
        loaded = torch.load(path, weights_only=False)
        assert (loaded['w'] == loaded['number']).all()
