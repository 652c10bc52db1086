"""A write that really fails while a checkpoint is saved."""

import resource
import signal

import pytest
from mmengine.hooks import Hook
from small_runs import differences, finish, load_whole, start, train

pytest_plugins = ['fault_fixtures']

EPOCHS = 4


class FullDisk(Hook):
    """From the third epoch on no file gets larger than ``size`` bytes."""

    def __init__(self, size):
        self.size = size

    def before_train_epoch(self, runner):
        if runner.epoch == 2:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.size))


def train_on_a_full_disk(folder, size):
    train(folder, EPOCHS, [FullDisk(size)])


@pytest.fixture(scope='module', params=[2**20, 2**24], ids=['1MB', '16MB'])
def full(processes, request, tmp_path_factory):
    """A folder whose disk was full at the third checkpoint; the error."""
    folder = tmp_path_factory.mktemp('full')
    report = folder / 'error.txt'
    process = start(train_on_a_full_disk, report, folder, request.param)
    assert finish(process) == [1]
    return folder, report.read_text()


def test_error_names_the_file_and_what_to_do(full):
    folder, error = full
    assert error.startswith('OSError')
    assert 'File too large' in error and str(folder / 'epoch_3.pth') in error
    assert 'whole' in error and '--resume' in error


def test_no_half_file_is_left(full):
    names = [path.name for path in full[0].iterdir() if path.suffix in ('.pth', '.part')]
    assert names == ['epoch_2.pth']
    assert load_whole(full[0])['meta']['epoch'] == 2


def test_resumed_training_equals_an_uninterrupted_one(full, uninterrupted):
    folder = full[0]
    process = start(train, folder / 'error.txt', folder, EPOCHS)
    assert finish(process) == [0]
    assert differences(load_whole(folder), uninterrupted(EPOCHS)) == []
