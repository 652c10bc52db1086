import mmap

import pytest
import torch
from torch import nn

from surge_mmdet.analysis.step_cost.memory import (
    MIB,
    allocator_peak,
    check_device,
    forget_peak,
    release_freed,
    resident,
    saved_bytes,
    state_bytes,
)

COUNT = MIB // 4  # float32 values of one MiB


def test_a_storage_counts_once_and_whole():
    x = torch.ones(4, 6)
    weight = torch.ones(4, 6, requires_grad=True)

    def run():
        y = (x * weight).exp()  # saves x, weight and its result
        return y[:2] * y[2:] + y[0].square().sum()  # saves views of it

    assert saved_bytes(run, [x, weight]) == 4 * 6 * 4
    assert saved_bytes(run, [weight]) == 2 * 4 * 6 * 4


def test_what_is_freed_before_the_end_does_not_count():
    weight = torch.ones(8, requires_grad=True)

    def run():
        weight.exp()  # nobody holds this graph
        return weight.exp()

    assert saved_bytes(run, [weight]) == 8 * 4


def test_allocator_peak_is_that_of_what_lives_together():
    def one_after_another():
        for _ in range(3):
            torch.empty(COUNT)

    def together():
        kept = [torch.empty(COUNT) for _ in range(3)]
        del kept
        torch.empty(COUNT)

    assert allocator_peak(one_after_another, 'cpu') == MIB
    assert allocator_peak(together, 'cpu') == 3 * MIB
    assert allocator_peak(lambda: None, 'cpu') == 0


def test_state_is_what_lives_between_steps():
    net = nn.Sequential(nn.Linear(8, 4, bias=False), nn.BatchNorm1d(4))
    values = 32 + 2 * 4
    buffers = 2 * 4 * 4 + 8  # statistics, and the counter of batches
    assert state_bytes(net) == values * 4 + buffers
    net(torch.randn(3, 8)).sum().backward()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    optimizer.step()
    assert state_bytes(net, optimizer) == 3 * values * 4 + buffers
    optimizer.zero_grad()
    assert state_bytes(net, optimizer) == 2 * values * 4 + buffers


def test_resident_peak_can_start_again():
    if resident() is None or not forget_peak():
        pytest.skip('the system does not tell or reset resident memory')
    before = resident()[1]
    # Pages of its own: a tensor may lie in memory that was freed before.
    with mmap.mmap(-1, 64 * MIB) as block:
        block.write(b'x' * (64 * MIB))
        grown = resident()[1]
    assert grown - before > 48 * MIB
    assert forget_peak() and resident()[1] < grown - 48 * MIB


def test_freed_memory_goes_back_to_the_system():
    if resident() is None or not release_freed():
        pytest.skip('the system does not tell resident memory, or keeps what is freed')
    kept = [bytearray(b'x' * 1024) for _ in range(64 * 1024)]
    full = resident()[0]
    del kept[:-1]  # the last one lies at the end of the heap
    release_freed()
    assert resident()[0] < full - 48 * MIB


@pytest.mark.parametrize('name', ['cdua', 'meta'])
def test_unknown_devices_are_refused(name):
    with pytest.raises(ValueError, match='Write --device cpu, or'):
        check_device(name)


def test_cuda_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match='Write --device cpu'):
        check_device('cuda')
    assert check_device('cpu').type == 'cpu'
