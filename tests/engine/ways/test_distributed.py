"""Two gloo processes: every branch under DDP, and what FSDP can do.

DDP runs with its default ``find_unused_parameters=False``, and the input of
the first layer needs no gradient. FSDP is a limit of this package: the layers
work in a loop of one's own, in which W_a starts before sharding; a Runner
with AGSHook refuses it.
"""

from types import SimpleNamespace

import pytest
import torch
from layers.test_ddp import network, sgd
from mmengine.optim import OptimWrapper
from torch.nn.parallel import DistributedDataParallel
from two_ranks import on_two_ranks

from surge_mmdet.engine import AGSHook
from surge_mmdet.layers import BinaryLayer

SAME, DIFFERENT = [(3, 4, 5), (3, 4, 5)], [(3, 4, 5), (13, 14, 15)]
BRANCHES = ('full', 'tied', 'pointwise', 'depthwise', 'lowrank')
CASES = {
    f'{branch}-{mode}': dict(branch=branch, mode=mode)
    for branch in BRANCHES
    for mode in ('batch', 'running')
}
SHARDED = ('full-batch', 'full-running', 'tied-batch')
WAYS = ('whole', 'each-layer', 'flat', 'flat-original')


def started(surge, start=True):
    """The network of test_ddp with other weights, and W_a following them."""
    net = network(**surge)
    for layer in net:
        if isinstance(layer, BinaryLayer):
            torch.nn.init.normal_(layer.weight)
            if start:
                layer.start()
    return net


def shard(net, way):
    """``net`` sharded by torch's newer way, or by its older one (flat)."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard

    if way.startswith('flat'):
        return FullyShardedDataParallel(
            net, use_orig_params=way.endswith('original'), device_id=torch.device('cpu')
        )
    mesh = init_device_mesh('cpu', (2,))
    if way == 'each-layer':
        for layer in net:
            fully_shard(layer, mesh=mesh)
    return fully_shard(net, mesh=mesh)


def whole(net, way):
    """All parameters, collected from the ranks."""
    if not way.startswith('flat'):
        return {n: p.full_tensor().detach() for n, p in net.named_parameters()}
    with type(net).summon_full_params(net):
        return {
            n.replace('_fsdp_wrapped_module.', ''): p.detach().clone()
            for n, p in net.named_parameters()
        }


def refusal(net):
    """What AGSHook says to a training of ``net``."""
    wrapper = OptimWrapper(torch.optim.SGD(net.parameters(), lr=0.1))
    try:
        AGSHook().before_train(SimpleNamespace(model=net, hooks=[], optim_wrapper=wrapper))
    except ValueError as error:
        return str(error)
    return ''


def under_ddp(surge, seeds):
    net = DistributedDataParallel(started(surge))
    return {name.removeprefix('module.'): value for name, value in sgd(net, seeds).items()}


def work(rank):
    found = {}
    for name, surge in CASES.items():
        found['ddp', name] = under_ddp(surge, DIFFERENT[rank])
        found['same', name] = under_ddp(surge, SAME[rank])
    for name in SHARDED:
        for way in WAYS:
            net = shard(started(CASES[name]), way)
            sgd(net, DIFFERENT[rank])
            found[way, name] = whole(net, way)
    late = shard(started({}, start=False), 'whole')
    sgd(late, DIFFERENT[rank])
    found['late'] = whole(late, 'whole')
    found['refusals'] = {way: refusal(shard(started({}), way)) for way in WAYS}
    return found


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    """What both ranks hold after three steps, by way and case."""
    return on_two_ranks(work, tmp_path_factory.mktemp('ways'))


@pytest.mark.parametrize('name', CASES)
def test_all_branches_train_under_ddp(ranks, name):
    first, second = (rank['ddp', name] for rank in ranks)
    start = dict(started(CASES[name]).named_parameters())
    assert first.keys() == second.keys() == start.keys()
    for key, value in first.items():
        assert value.equal(second[key]) and value.isfinite().all(), key
        assert not value.equal(start[key]), key
    own = [key for key in first if key.endswith('aux_weight')]
    assert len(own) == (0 if name.startswith('tied') else 2)


@pytest.mark.parametrize('name', CASES)
def test_two_ranks_on_one_batch_are_one_process(ranks, name):
    alone = sgd(started(CASES[name]), SAME[0])
    for key, value in alone.items():
        torch.testing.assert_close(ranks[0]['same', name][key], value, rtol=1e-5, atol=1e-6)
        far = (value - ranks[0]['ddp', name][key]).abs().max()
        # Without a gradient, the first layer's W_a only decays.
        assert far > 1e-4 or key == '0.aux_weight', key


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('name', SHARDED)
def test_sharded_after_the_start_of_aux_weights_it_is_ddp(ranks, name, way):
    want = ranks[0]['ddp', name]
    assert want.keys() == ranks[0][way, name].keys()
    for rank in ranks:
        for key, value in want.items():
            torch.testing.assert_close(rank[way, name][key], value, rtol=1e-5, atol=1e-6)


def test_the_start_of_aux_weights_is_lost_after_sharding(ranks):
    want = ranks[0]['ddp', 'full-batch']['2.aux_weight']
    assert not torch.allclose(ranks[0]['late']['2.aux_weight'], want, atol=1e-2)


@pytest.mark.parametrize('way', WAYS)
def test_the_hook_refuses_a_sharded_model_with_the_line(ranks, way):
    for rank in ranks:
        text = rank['refusals'][way]
        assert 'FSDP has sharded' in text
        assert 'Leave model_wrapper_cfg out' in text


def test_the_hook_takes_a_whole_model():
    assert refusal(started({})) == ''
