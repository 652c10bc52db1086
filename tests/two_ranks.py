"""Two processes that train together over gloo, and what a training shows of its steps."""

import os
from datetime import timedelta
from functools import partial

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.hooks import Hook
from mmengine.runner import runner as runner_module
from yapf.yapflib import yapf_api

# What MMEngine wraps around a model by itself, on a CPU.
WRAPPER = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)


def on_two_ranks(work, folder, *args) -> list:
    """What ``work(rank, *args)`` returns in either of two new processes.

    Args:
        work (Callable): A function of a module; what it returns is saved.
        folder (Path): Where both meet, and what they return is kept.
        *args: For both.
    """
    mp.spawn(_rank, (work, str(folder), args), nprocs=2)
    return [torch.load(f'{folder}/{rank}.pt', weights_only=False) for rank in (0, 1)]


def _rank(rank: int, work, folder: str, args: tuple) -> None:
    torch.set_num_threads(1)
    os.environ['LOCAL_RANK'] = str(rank)
    # Both take seconds: asking compilers, and beautiful configs.
    runner_module.collect_env = dict
    yapf_api.FormatCode = lambda text, **options: (text, True)
    meeting = dict(init_method=f'file://{folder}/meet', timeout=timedelta(minutes=5))
    dist.init_process_group('gloo', rank=rank, world_size=2, **meeting)
    torch.save(work(rank, *args), f'{folder}/{rank}.pt')
    dist.destroy_process_group()


class StepRecorder(Hook):
    """Keeps what the steps of a rank start from and are given.

    It takes an optimizer wrapper of this package that clips.

    Attributes:
        start (dict): The state before the first iteration.
        own (list of dict): Of each step, the gradients of this rank's batches,
            before those of all ranks are averaged.
        taken (list of dict): Of each step, the gradients that are there for
            the optimizer, before a binarizer or the clipping changes them.
    """

    priority = 'HIGHEST'

    def before_train(self, runner) -> None:
        """Listen in front of everybody else."""
        self.own, self.taken, self._sums = [], [], {}
        self._parameters = dict(runner.model.module.named_parameters())
        for name, parameter in self._parameters.items():
            if parameter.requires_grad:
                parameter.register_hook(partial(self._add, name))
        runner.optim_wrapper.before_clipping.append(self._take)

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Keep the state once everything has its start value."""
        if runner.iter == 0:
            state = runner.model.module.state_dict()
            self.start = {name: value.clone() for name, value in state.items()}

    def _add(self, name: str, gradient: torch.Tensor) -> None:
        self._sums[name] = self._sums.get(name, 0) + gradient

    def _take(self, optimizer) -> None:
        gradients = {n: p.grad.clone() for n, p in self._parameters.items() if p.grad is not None}
        self.taken.append(gradients)
        self.own.append(self._sums)
        self._sums = {}


def assert_averaged(ranks: list) -> None:
    """Both ranks took the mean of their gradients, of all parameters that had one.

    Args:
        ranks (list): ``own`` and ``taken`` of a :class:`StepRecorder` of each.
    """
    (first, mean), (second, other) = ranks
    assert len(first) == len(second) == len(mean) == len(other) > 0
    for own, others, taken, same in zip(first, second, mean, other, strict=True):
        assert own.keys() == others.keys() == taken.keys() == same.keys()
        for name, gradient in taken.items():
            assert gradient.equal(same[name]), name
            wanted = (own[name] + others[name]) / 2
            torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-8, msg=name)
