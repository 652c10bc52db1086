"""Two gloo processes: same step as one process, same weights on both."""

import pytest
import torch
from mmengine.dist import all_reduce
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from two_ranks import on_two_ranks

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.surge.extensions import close_steps, running_scalers

SAME, DIFFERENT = (0, 0), (1, 2)


def network(**surge):
    torch.manual_seed(0)
    return nn.Sequential(
        BinaryConv2d(3, 8, 3, padding=1, surge=surge),
        nn.GroupNorm(2, 8),
        BinaryConv2d(8, 8, 3, stride=2, padding=1, surge=surge),
        nn.GroupNorm(2, 8),
    )


def sgd(model, seeds):
    """Train on one batch per seed; the batch needs no gradient."""
    optimizer = torch.optim.SGD(model.parameters(), 0.5, weight_decay=0.1)
    for seed in seeds:
        torch.manual_seed(seed)
        x, target = torch.randn(4, 3, 8, 8), torch.randn(4, 8, 4, 4)
        optimizer.zero_grad()
        (model(x) - target).square().mean().backward()
        optimizer.step()
        scalers = running_scalers(model)
        if scalers:
            close_steps(scalers, all_reduce)
    return {n: p.detach() for n, p in model.named_parameters()}


def first_steps(rank):
    """Of learned steps that start from the first batch, which is empty on one rank."""
    found = []
    for empty in (1, 0):
        layer = BinaryConv2d(3, 8, 3, activation=dict(type='SignLSQ'))
        torch.manual_seed(10 + rank)
        for images in (0 if rank == empty else 4, 4):
            layer(torch.randn(images, 3, 8, 8))
            all_reduce(torch.zeros(3))  # as DDP does after each batch
            found.append(layer.activation.step.item())
    return found


def work(rank):
    same = sgd(DistributedDataParallel(network()), [SAME[rank]])
    # The second step is where an unused parameter would raise.
    different = sgd(DistributedDataParallel(network()), [DIFFERENT[rank], DIFFERENT[rank] + 10])
    model = network(mode='running')
    running = sgd(DistributedDataParallel(model), [DIFFERENT[rank] + i for i in (0, 10, 20)])
    state = [model[i].ags.state_dict() for i in (0, 2)]
    return same, different, running, state, first_steps(rank)


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    """Parameters of both ranks: (same batch, different batches) each."""
    return on_two_ranks(work, tmp_path_factory.mktemp('ddp'))


def test_step_on_the_same_batch_is_that_of_one_process(ranks):
    alone = sgd(network(), [SAME[0]])
    start = dict(network().named_parameters())
    for name, value in alone.items():
        torch.testing.assert_close(ranks[0][0]['module.' + name], value, rtol=1e-6, atol=1e-7)
        assert not torch.equal(value, start[name]), name


@pytest.mark.parametrize('run', [0, 1, 2], ids=('same', 'different', 'running'))
def test_both_ranks_hold_identical_parameters(ranks, run):
    first, second = ranks[0][run], ranks[1][run]
    assert sorted(first) == sorted(second)
    assert sum(name.endswith('aux_weight') for name in first) == 2
    for name in first:
        assert torch.equal(first[name], second[name]), name


def test_different_batches_were_averaged(ranks):
    seed = DIFFERENT[0]
    alone = sgd(network(), [seed, seed + 10])
    key = '2.aux_weight'
    assert not torch.allclose(ranks[0][1]['module.' + key], alone[key])


def test_running_norms_and_lambda_are_those_of_all_ranks(ranks):
    first, second = ranks[0][3], ranks[1][3]
    # The first layer's input needs no gradient: only the other has a lambda.
    assert first[1]['running'].equal(second[1]['running'])
    assert first[0]['running'][2] == 0 and first[1]['running'][2] == 3
    scale = [state[1]['statistics'][0] for state in (first, second)]
    norms = [state[1]['statistics'][1] for state in (first, second)]
    assert scale[0] == scale[1] > 0 and norms[0] != norms[1]


def test_an_empty_first_batch_of_one_rank_starts_nothing_apart(ranks):
    first, second = (rank[4] for rank in ranks)
    # The second rank's was empty: all is as the first rank's batch says.
    assert first[:2] == second[:2] and first[0] == first[1] != 1
    # The first rank's was empty: its next one is taken.
    assert first[2] == second[2] == 1 and first[3] == second[3] != 1
