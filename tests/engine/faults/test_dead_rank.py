"""Two processes train with DDP, and one of them dies."""

import os
import signal

import pytest
import torch.distributed as dist
from engine.toy_training import Net, RandomData
from mmengine.hooks import Hook
from small_runs import finish, load_whole, start, train

pytest_plugins = ['fault_fixtures']

EPOCHS, LAST = 4, 5  # the iteration in which rank 1 dies


def by_exit():
    os._exit(17)


def by_kill():
    os.kill(os.getpid(), signal.SIGKILL)


DEATHS = {by_exit: 17, by_kill: -9}


class Death(Hook):
    """Ends rank 1 in a backward pass, or between the step and AGS's end."""

    priority = 'ABOVE_NORMAL'  # before AGSHook's all-reduce

    def __init__(self, model, die, moment):
        self.die, self.moment, self.now = die, moment, None
        model.backbone.layer1[0].weight.register_hook(self.in_backward)

    def in_backward(self, gradient):
        if self.moment == 'backward':
            self.check()

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.now = runner.iter

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.moment == 'step':
            self.check()

    def check(self):
        if self.now == LAST and dist.get_rank() == 1:
            self.die()


def train_ranks(folder, rank, meeting, die=None, moment=None):
    """One rank; four samples for it in each epoch."""
    os.environ.update(LOCAL_RANK=str(rank))
    dist.init_process_group('gloo', f'file://{meeting}', rank=rank, world_size=2)
    model = Net(surge=dict(eta=0.3, mode='running'))
    hooks = [Death(model, die, moment)] if die else []
    wrapper = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)
    runner = train(
        folder,
        EPOCHS,
        hooks,
        model,
        data=RandomData(),
        launcher='pytorch',
        cfg=dict(model_wrapper_cfg=wrapper),
    )
    assert runner.world_size == 2 and runner.iter == 2 * EPOCHS
    dist.destroy_process_group()


def start_ranks(folder, name, *args):
    return [
        start(
            train_ranks,
            folder / f'{name}_{rank}.txt',
            folder,
            rank,
            folder / f'meeting_{name}',
            *args,
        )
        for rank in (0, 1)
    ]


@pytest.mark.parametrize('moment', ['backward', 'step'])
@pytest.mark.parametrize('die', DEATHS)
def test_other_rank_ends_with_an_error_and_a_new_start_resumes(processes, tmp_path, die, moment):
    ranks = start_ranks(tmp_path, 'broken', die, moment)
    assert finish(*ranks) == [1, DEATHS[die]]
    assert 'RuntimeError' in (tmp_path / 'broken_0.txt').read_text()
    assert load_whole(tmp_path)['meta']['epoch'] == LAST // 2
    assert finish(*start_ranks(tmp_path, 'again')) == [0, 0]
    assert load_whole(tmp_path)['meta']['epoch'] == EPOCHS
