"""Fixtures of the tests that break trainings: a server of forks, and what an
unbroken training leaves. Each file takes them by ``pytest_plugins``.
PYTEST_DONT_REWRITE, since that imports it a second time.
"""

import multiprocessing.forkserver
import os
import sys

import pytest
from engine.toy_training import make_runner, net  # noqa: F401
from small_runs import FORKS, finish, load_whole, start, train


@pytest.fixture(scope='session')
def processes():
    """Start the server of the forks without CUDA and with few threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
        patch.setenv('CUDA_VISIBLE_DEVICES', '')
        for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
            patch.setenv(name, '1')
        FORKS.set_forkserver_preload(['small_runs'])
        multiprocessing.forkserver.ensure_running()


@pytest.fixture(scope='session')
def uninterrupted(processes, tmp_path_factory):
    """The last checkpoint of an unbroken training of so many epochs."""
    folders = {}

    def run(epochs):
        if epochs not in folders:
            folder = folders[epochs] = tmp_path_factory.mktemp('whole')
            process = start(train, folder / 'error.txt', folder, epochs)
            assert finish(process) == [0]
        return load_whole(folders[epochs])

    return run
