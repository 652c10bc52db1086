"""Two gloo processes train a layer of every listed method, and hold the same of it.

DDP runs with its default ``find_unused_parameters=False``: a parameter without
a gradient would stop it in the second step.
"""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.methods import METHODS

BINARY = {method.name: method for method in METHODS.values() if method.layer is not None}
# Of the rank's own batch, which nothing else depends on.
OWN = ('ags.statistics',)


class Side(nn.Module):
    """A layer of each method on the same maps."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.layers = nn.ModuleDict(
            {
                f'_{name}': BinaryConv2d(4, 4, 3, padding=1, **method.policy()['layer'])
                for name, method in BINARY.items()
            }
        )

    def forward(self, x):
        x = self.stem(x)
        return sum(layer(x).square().mean() for layer in self.layers.values())


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{folder}/meet', rank=rank, world_size=2)
    net = Side()
    start = {name: value.clone() for name, value in net.state_dict().items()}
    # As MMEngine's wrapper: what a rank computes of its own batch stays its own.
    model = DistributedDataParallel(net, broadcast_buffers=False)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    rules = [(layer.weight_rule, layer.weight) for layer in net.layers.values()]
    for step in range(3):
        torch.manual_seed(10 * rank + step)
        for rule, weight in rules:
            rule.set_progress(step / 3)
            rule.before_epoch(weight)
        loss = model(torch.randn(2, 2, 6, 6))
        terms = [rule.extra_loss(weight) for rule, weight in rules]
        (loss + sum(term for term in terms if term is not None)).backward()
        with torch.no_grad():
            for rule, weight in rules:
                rule.before_step(weight)
        optimizer.step()
        optimizer.zero_grad()
    torch.save((start, net.state_dict()), f'{folder}/{rank}.pt')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    """What both ranks held before and after three steps on batches of their own."""
    folder = tmp_path_factory.mktemp('ddp-methods')
    mp.spawn(work, (str(folder),), nprocs=2)
    return [torch.load(folder / f'{rank}.pt') for rank in (0, 1)]


@pytest.mark.parametrize('name', BINARY)
def test_both_ranks_hold_the_same(ranks, name):
    (start, first), (_, second) = ranks
    keys = [key for key in first if key.startswith(f'layers._{name}.')]
    assert not first[f'layers._{name}.weight'].equal(start[f'layers._{name}.weight'])
    for key in keys:
        assert first[key].equal(second[key]) or key.endswith(OWN), key
