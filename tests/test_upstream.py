"""What upstream's MMEngine gets so that it reads its own checkpoints.

The loader is plain torch and MMEngine, so its tests run on both stacks.
"""

import pickle
from pickle import UnpicklingError

import mmengine.runner.checkpoint
import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner.checkpoint import CheckpointLoader, _load_checkpoint

from surge_mmdet import environment, upstream


@pytest.fixture
def training_checkpoint(tmp_path):
    """A file with what MMEngine adds to the weights of a training."""
    hub = MessageHub('upstream test')
    for loss in (3.0, 1.0):
        hub.update_scalar('train/loss', loss)
    hub.update_scalar('train/seen', np.float64(0.5))
    hub.update_info('epoch', 2)
    content = dict(state_dict=dict(weight=torch.ones(2)), message_hub=hub.state_dict())
    torch.save(content, tmp_path / 'epoch_2.pth')
    return tmp_path / 'epoch_2.pth'


def test_plain_torch_refuses_the_history(training_checkpoint):
    with pytest.raises(UnpicklingError, match='HistoryBuffer'):
        torch.load(training_checkpoint, weights_only=True)


def test_history_and_weights_are_read(training_checkpoint):
    content = upstream.load_from_local(str(training_checkpoint), 'cpu')
    history = content['message_hub']['log_scalars']['train/loss']
    assert history.statistics('mean') == 2.0
    assert history.statistics('min') == 1.0
    assert content['message_hub']['runtime_info']['epoch'] == 2
    assert torch.equal(content['state_dict']['weight'], torch.ones(2))


class Evil:
    """Unpickles into a call, as an attack would."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    'call',
    [(print, ('ran',)), (getattr, (np.ndarray, 'tofile')), (getattr, (HistoryBuffer, '__init__'))],
    ids=['a function', 'an attribute of another class', 'a private attribute'],
)
def test_code_in_a_file_is_refused(tmp_path, capsys, call):
    torch.save(dict(weight=Evil(*call)), tmp_path / 'evil.pth')
    assert pickle.dumps(Evil(*call))  # an ordinary pickle has no objection
    with pytest.raises(UnpicklingError):
        upstream.load_from_local(str(tmp_path / 'evil.pth'), 'cpu')
    assert 'ran' not in capsys.readouterr().out


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='epoch_9.pth can not be found'):
        upstream.load_from_local(str(tmp_path / 'epoch_9.pth'), 'cpu')


def test_mmengine_with_a_loader_of_its_own_keeps_it(monkeypatch):
    module = mmengine.runner.checkpoint
    monkeypatch.setattr(module, 'get_torch_safe_globals', list, raising=False)
    assert not upstream.needs_loader()
    monkeypatch.delattr(module, 'get_torch_safe_globals')
    assert upstream.needs_loader() == upstream.TORCH_REFUSES


def test_the_installed_stack_reads_a_training_checkpoint(training_checkpoint):
    """Through MMEngine's own function, as a resume and a test call it."""
    content = _load_checkpoint(str(training_checkpoint), 'cpu')
    assert content['message_hub']['runtime_info']['epoch'] == 2
    loader = CheckpointLoader._get_checkpoint_loader(str(training_checkpoint))
    ours = bool(environment.installed(environment.UPSTREAM)) and upstream.TORCH_REFUSES
    assert (loader is upstream.load_from_local) == ours
