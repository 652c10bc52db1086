"""Small trainings in processes of their own, for a test to break.

They run as the shipped configs do: their optimiser, their checkpoints. The
processes are forked from a server that has imported everything once and
holds a single thread, so that a start takes a fraction of a second.
"""

import multiprocessing
import sys
import traceback
from pathlib import Path

import torch
import torch._dynamo  # noqa: F401 (building an optimiser imports it)
from engine.toy_training import Net, RandomData, build_runner
from mmengine.config import Config
from mmengine.runner import runner as runner_module
from torch import nn

from surge_mmdet.engine import AGSHook, EpochSeedHook, LastCheckpointHook

BASE = Path(__file__).parents[3] / 'configs/_base_'
RUNTIME = Config.fromfile(BASE / 'default_runtime.py')
SCHEDULE = Config.fromfile(BASE / 'schedules/adamw_12e.py')
SAVE = RUNTIME.default_hooks.checkpoint.to_dict()
OPTIMISER = SCHEDULE.optim_wrapper.to_dict()
FORKS = multiprocessing.get_context('forkserver')
LIMIT = 240  # seconds after which a process counts as hanging


class HeavyNet(Net):
    """The toy network beside a weight that makes saving slower than training.

    Its checkpoint has 25 MB: the weight and two moments of the optimiser.
    """

    def __init__(self, mode='running'):
        super().__init__(surge=dict(eta=0.3, mode=mode), noise=0.5)
        self.ballast = nn.Parameter(torch.linspace(-1, 1, 2**21))

    def forward(self, inputs, targets, mode='loss'):
        losses = super().forward(inputs, targets, mode)
        return dict(losses, loss_ballast=self.ballast.square().mean())


def train(folder, epochs, hooks=(), model=None, **options):
    """Train in ``folder``, two iterations an epoch, from where it stopped."""
    runner_module.collect_env = dict  # asks compilers for seconds
    decay = dict(
        type='LinearLR', start_factor=1.0, end_factor=0.1, begin=0, end=2 * epochs, by_epoch=False
    )
    runner = build_runner(
        model or HeavyNet(),
        [EpochSeedHook(), LastCheckpointHook(), AGSHook(interval=3), *hooks],
        epochs,
        checkpoint=SAVE,
        data=options.pop('data', RandomData(6)),
        work_dir=str(folder),
        experiment_name='small_run',
        optim_wrapper=OPTIMISER,
        param_scheduler=[decay],
        resume=True,
        log_level='WARNING',
        **options,
    )
    runner.train()
    return runner


def report_errors(function, report, *args):
    """Call ``function``; write the error that ends it to ``report``."""
    try:
        function(*args)
    except BaseException as error:
        report.write_text(f'{type(error).__name__}: {error}')
        traceback.print_exc()
        sys.exit(1)


def start(function, report, *args):
    """``function(*args)`` in a process of its own."""
    process = FORKS.Process(target=report_errors, args=(function, report, *args), daemon=True)
    process.start()
    return process


def finish(*processes):
    """Wait for processes; their exit codes. One that hangs is an error."""
    for process in processes:
        process.join(LIMIT)
    hanging = [process for process in processes if process.is_alive()]
    for process in hanging:
        process.kill()
        process.join()
    assert not hanging, f'hangs after {LIMIT} s: {hanging}'
    return [process.exitcode for process in processes]


def load_whole(folder):
    """Load all checkpoints of ``folder``; the one a resume would take.

    None if there is no ``last_checkpoint``. Each must be whole and be the
    one its name says.
    """
    found = {
        str(path): torch.load(path, weights_only=False)
        for path in sorted(folder.glob('epoch_*.pth'))
    }
    for path, content in found.items():
        assert path.endswith(f'epoch_{content["meta"]["epoch"]}.pth')
        assert 'backbone.layer2.ags.running' in content['state_dict']
        assert all(value.isfinite().all() for value in content['state_dict'].values())
        assert len(content['optimizer']['param_groups']) == 2
    pointer = folder / 'last_checkpoint'
    return found[pointer.read_text()] if pointer.exists() else None


def leaves(node, name=''):
    """Every value of nested containers, by its path."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        path = f'{name}/{key}'
        if isinstance(value, (dict, list, tuple)):
            yield from leaves(value, path)
        else:
            yield path, value


def differences(first, second):
    """Paths where two checkpoints differ in any bit of what is trained."""
    parts = ('state_dict', 'optimizer', 'param_schedulers')
    first, second = (
        dict(leaves({part: content[part] for part in parts})) for content in (first, second)
    )
    return [
        path
        for path in first.keys() | second.keys()
        if path not in first or path not in second or not equal(first[path], second[path])
    ]


def equal(first, second):
    """Bitwise for tensors."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    return type(first) is type(second) and first == second
