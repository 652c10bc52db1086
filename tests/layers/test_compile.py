"""torch.compile: the layers computed as in eager mode.

Dynamo breaks the graph around the training forward (the estimator's clip is
read as a number), so what is compiled there is little; see the last test.
"""

import copy
import shutil

import pytest
import torch
from torch import nn

from surge_mmdet.layers import BinaryConv2d, BinaryLinear

pytestmark = pytest.mark.skipif(
    not torch._dynamo.is_dynamo_supported(),
    reason='torch.compile does not support this platform or Python',
)

SURGE = [
    dict(eta=0.3),
    None,
    dict(mode='running'),
    dict(branch='tied'),
    dict(branch='depthwise'),
    dict(combine='norm_preserving'),
    dict(dtype='bfloat16'),
]


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()


def conv(surge):
    torch.manual_seed(0)
    return BinaryConv2d(4, 8, 3, padding=1, surge=surge)


def linear(surge):
    torch.manual_seed(0)
    return BinaryLinear(5, 8, surge=surge)


def warm(layer):
    """Running norms of earlier steps, so that lambda is not 0."""
    if layer.compensated and hasattr(layer.ags, 'running'):
        layer.ags.running.copy_(torch.tensor([4.0, 1.0, 2.0]))
    return layer


def step(call, layer, x):
    """Output, all gradients and all buffers after one backward pass."""
    layer.zero_grad()
    x = x.clone().requires_grad_()
    y = call(x)
    (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
    found = dict(y=y.detach(), x=x.grad)
    found.update((n, p.grad) for n, p in layer.named_parameters())
    found.update((n, b.clone()) for n, b in layer.named_buffers())
    assert all(value is not None for value in found.values())
    return found


def compare(layer, shape, backend, **tolerance):
    """Three training steps and an evaluation, eager against compiled."""
    twin = copy.deepcopy(warm(layer))
    compiled = torch.compile(twin, backend=backend)
    for _ in range(3):
        x = torch.randn(shape)
        want, got = step(layer, layer, x), step(compiled, twin, x)
        assert want.keys() == got.keys()
        for name, value in want.items():
            torch.testing.assert_close(got[name], value, msg=name, **tolerance)
    layer.eval(), twin.eval()
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), layer(x), **tolerance)
    return twin


EXACT = dict(rtol=0, atol=0)


@pytest.mark.parametrize(
    'surge', SURGE, ids=lambda s: '-'.join(map(str, s.values())) if s else 'plain'
)
def test_convolution_equals_eager(surge):
    twin = compare(conv(surge), (2, 4, 7, 7), 'aot_eager', **EXACT)
    if surge:
        assert twin.ags.statistics[0] > 0 and twin.ags.statistics[4] == 3
    if surge == dict(mode='running'):
        assert twin.ags.pending[2] == 3 == twin.ags._open_calls


@pytest.mark.parametrize('surge', SURGE[:3], ids=('batch', 'plain', 'running'))
def test_linear_equals_eager(surge):
    compare(linear(surge), (6, 5), 'aot_eager', **EXACT)


@pytest.mark.skipif(not shutil.which('g++'), reason='inductor needs g++')
def test_inductor_equals_eager_to_rounding():
    compare(conv(dict(eta=0.3)), (2, 4, 7, 7), 'inductor', rtol=1e-4, atol=1e-5)


def test_a_compiled_network_learns_as_in_eager_mode():
    ends = []
    for backend in (None, 'aot_eager'):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 4, 3), conv(dict(eta=0.3)), nn.PReLU(), nn.Flatten(), nn.LazyLinear(2)
        )
        x, target = torch.randn(4, 3, 8, 8), torch.randn(4, 2)
        call = torch.compile(net, backend=backend) if backend else net
        net(x)
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        for factor in (0.5, 0.75, 1.0):  # as a schedule of eta sets it
            net[1].ags.eta_factor = factor
            optimizer.zero_grad()
            (call(x) - target).square().mean().backward()
            optimizer.step()
        ends.append(dict(net.named_parameters()))
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, msg=name)


def test_evaluation_is_one_graph_and_training_breaks_it():
    layer = conv(dict(eta=0.3))
    x = torch.randn(2, 4, 7, 7)
    counters = torch._dynamo.utils.counters
    torch.compile(layer.eval(), backend='aot_eager', fullgraph=True)(x)
    assert not counters['graph_break']
    torch.compile(layer.train(), backend='aot_eager')(x)
    assert counters['graph_break']
