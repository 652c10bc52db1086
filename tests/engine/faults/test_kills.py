"""kill -9 at random moments of a training, which then goes on."""

import os
import platform
import random
import time
from collections import Counter

import pytest
from mmengine.hooks import Hook
from small_runs import (
    FORKS,
    LIMIT,
    differences,
    finish,
    load_whole,
    start,
    train,
)

from surge_mmdet.engine import AtomicLocalBackend

pytest_plugins = ['fault_fixtures']

KILLS, EPOCHS = 20, 30
STARTING, TRAINING, SAVING = range(3)


class Progress(Hook):
    """Shows the parent the phase, and how many iterations were begun."""

    priority = 'LOW'  # before CheckpointHook

    def __init__(self, shared):
        self.shared = shared

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.shared[:] = TRAINING, self.shared[1] + 1

    def after_train_epoch(self, runner):
        self.shared[0] = SAVING


def train_watched(folder, shared):
    train(folder, EPOCHS, [Progress(shared)])


def parts(folder, pid='*'):
    """Files that were being written."""
    return list(folder.glob(f'.*-{pid}.part'))


class Moments:
    """When to kill: an event in one of the first epochs, and a delay."""

    # The longest delay after each event, in seconds.
    EVENTS = dict(start=0.05, iteration=0.02, saving=0.1, writing=0.01)

    def __init__(self, folder, seed):
        self.folder, self.random = folder, random.Random(seed)
        self.order = list(self.EVENTS) * (KILLS // len(self.EVENTS))
        self.random.shuffle(self.order)

    def reached(self, event, process, shared):
        """Whether ``event`` is now."""
        if event == 'iteration':
            return shared[0] == TRAINING
        if event == 'saving':
            return shared[0] == SAVING
        return event == 'start' or bool(parts(self.folder, process.pid))

    def wait(self, event, process, shared):
        """Return when ``process`` is to be killed."""
        begun = 0 if event == 'start' else self.random.randint(1, 6)
        deadline = time.monotonic() + LIMIT
        while shared[1] < begun or not self.reached(event, process, shared):
            assert process.is_alive() and time.monotonic() < deadline, event
            time.sleep(5e-4)
        time.sleep(self.random.uniform(0, self.EVENTS[event]))


@pytest.fixture(scope='module')
def killed(processes, tmp_path_factory):
    """A folder after the kills, and in which phase each was."""
    folder = tmp_path_factory.mktemp('killed')
    moments, phases = Moments(folder, seed=5), []
    for event in moments.order:
        shared = FORKS.RawArray('i', 2)
        process = start(train_watched, folder / 'error.txt', folder, shared)
        moments.wait(event, process, shared)
        process.kill()
        assert finish(process) == [-9], 'it ended before it was killed'
        writing = bool(parts(folder, process.pid))
        phases.append('writing' if writing else shared[0])
        load_whole(folder)
    return folder, phases


def test_kills_hit_all_phases(killed):
    counts = Counter(killed[1])
    assert sum(counts.values()) == KILLS
    assert set(counts) == {STARTING, TRAINING, SAVING, 'writing'}, counts
    assert counts['writing'] >= 2 and counts[TRAINING] >= 2


def test_resumed_training_equals_an_uninterrupted_one(killed, uninterrupted):
    folder = killed[0]
    process = start(train, folder / 'error.txt', folder, EPOCHS)
    assert finish(process) == [0], (folder / 'error.txt').read_text()
    last = load_whole(folder)
    assert last['meta']['epoch'] == EPOCHS
    assert 'backbone.layer2.ags.running' in last['state_dict']
    assert differences(last, uninterrupted(EPOCHS)) == []
    names = sorted(path.name for path in folder.glob('epoch_*'))
    assert names == [f'epoch_{EPOCHS - 1}.pth', f'epoch_{EPOCHS}.pth']
    assert parts(folder) == []


def test_part_of_a_living_process_is_kept(tmp_path):
    host = platform.node().replace('-', '_').replace('.', '_')
    part = tmp_path / f'.epoch_1.pth.{host}-{os.getppid()}.part'
    part.touch()
    AtomicLocalBackend().put(b'bytes', tmp_path / 'epoch_1.pth')
    assert part.exists()
