"""Whatever is listed trains in a layer: gradients, autocast, saving, accumulation, packing."""

import pytest
import torch
from torch import nn

from surge_mmdet.binarizers import ACTIVATIONS, WEIGHT_RULES
from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.methods import METHODS
from surge_mmdet.surge import literal_dpgc, literal_scale

BINARY = [method for method in METHODS.values() if method.layer is not None]


def name(each) -> str:
    return getattr(each, 'name', getattr(each, '__name__', str(each)))


def build(kind=BinaryConv2d, **options):
    torch.manual_seed(0)
    size = dict(padding=1) if kind is BinaryConv2d else {}
    layer = kind(6, 8, *(3,) if kind is BinaryConv2d else (), **size, **options)
    for parameter in layer.activation.parameters():
        parameter.data += 0.1 * torch.rand_like(parameter)
    return layer


def inputs(layer, dtype=torch.double):
    torch.manual_seed(1)
    shape = (2, 6, 5, 5) if isinstance(layer, BinaryConv2d) else (4, 6)
    return torch.randn(shape, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize('kind', [BinaryConv2d, BinaryLinear], ids=name)
@pytest.mark.parametrize('progress', [0.0, 0.7])
@pytest.mark.parametrize(
    'options',
    [dict(activation=dict(type=kind)) for kind in ACTIVATIONS]
    + [dict(weight_rule=dict(type=rule)) for rule in WEIGHT_RULES],
    ids=lambda o: next(iter(o.values()))['type'].__name__,
)
def test_under_surge_every_gradient_is_that_of_the_literal_formula(kind, progress, options):
    layer = build(kind, surge=dict(eta=0.3), **options).double()
    for part in (layer.activation, layer.weight_rule):
        part.set_progress(progress)
    x = inputs(layer)
    delta = torch.randn_like(layer(x))  # and starts what starts from the first batch
    own = [*layer.activation.parameters(), *layer.weight_rule.parameters()]
    leaves = [x, layer.weight, layer.aux_weight, layer.bias, *own]
    got = torch.autograd.grad(layer(x), leaves, delta)
    weight, rest = layer.weight_rule(layer.weight), (layer.activation, layer.op)
    scale = literal_scale(delta, x, weight, layer.aux_weight, *rest, 0.3, 10.0)
    y = literal_dpgc(x, weight, layer.aux_weight, layer.bias, *rest, scale)
    for found, want in zip(got, torch.autograd.grad(y, leaves, delta), strict=True):
        torch.testing.assert_close(found, want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('method', BINARY, ids=name)
def test_trains_under_autocast_and_everything_learns(method, dtype):
    layer = build(**method.policy()['layer'])
    with torch.autocast('cpu', dtype):
        out = layer(inputs(layer, torch.float))
    out.float().square().mean().backward()
    for key, parameter in layer.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key


@pytest.mark.parametrize('method', BINARY, ids=name)
def test_what_was_trained_is_what_is_saved_and_loaded(method):
    layer = build(**method.policy()['layer'])
    optimizer = torch.optim.Adam(layer.parameters(), 0.1)
    for progress in (0.2, 0.4):
        for part in (layer.activation, layer.weight_rule):
            part.set_progress(progress)
        layer(inputs(layer, torch.float)).square().mean().backward()
        optimizer.step()
    other = build(**method.policy()['layer'])
    nn.init.normal_(other.weight)
    other.load_state_dict(layer.state_dict())
    x = inputs(layer, torch.float)
    assert other.eval()(x).equal(layer.eval()(x))


@pytest.mark.parametrize('method', BINARY, ids=name)
def test_half_batches_add_up(method):
    """Plain losses of halves sum to that of the whole, unless the layer mixes images."""
    if method.has_surge or method.name in ('lsq', 'tbn'):
        pytest.skip('lambda, or a step, is of the batch')
    layer = build(**method.policy()['layer'])
    x = inputs(layer, torch.float)
    layer.start(x)
    layer(x).square().sum().backward()
    whole = {key: p.grad.clone() for key, p in layer.named_parameters()}
    layer.zero_grad()
    for half in x.split(1):
        layer(half).square().sum().backward()
    for key, parameter in layer.named_parameters():
        torch.testing.assert_close(parameter.grad, whole[key], rtol=1e-4, atol=1e-4)
