"""BinaryConv2d: forward, gradient, and life among other modules."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.cnn import ConvModule
from mmengine.registry import DefaultScope
from torch import nn
from torch.utils.checkpoint import checkpoint

from surge_mmdet.binarizers import SignPolynomial, binary_sign
from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.surge import literal_dpgc, literal_scale

GEOMETRIES = {
    'plain': dict(),
    'int padding': dict(padding=1),
    'tuple padding': dict(padding=(2, 0)),
    'same': dict(padding='same', dilation=2),
    'valid': dict(padding='valid'),
    'reflect': dict(padding=1, padding_mode='reflect'),
    'reflect, same': dict(padding='same', padding_mode='reflect'),
    'circular, uneven': dict(padding=(1, 2), padding_mode='circular'),
    'stride': dict(stride=2, padding=1),
    'tuple stride': dict(stride=(1, 3), bias=False),
    'dilation': dict(dilation=(2, 1), padding=2),
    'groups': dict(groups=2, padding=1),
    'depthwise': dict(groups=4, padding=1, bias=False),
    'all': dict(groups=2, stride=2, padding=2, dilation=2),
}
every_geometry = pytest.mark.parametrize('options', GEOMETRIES.values(), ids=GEOMETRIES)


def layer(seed=0, **options):
    torch.manual_seed(seed)
    return BinaryConv2d(4, 8, **{'kernel_size': 3, **options})


def images(seed=1, requires_grad=True, **kwargs):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 4, 9, 10, generator=generator).to(**kwargs)
    x[0, 0, 0, :2] = torch.tensor([0.0, -0.0])
    return x.requires_grad_(requires_grad)


def on_signs(conv, x):
    """The convolution that inference computes, written with torch only."""
    alpha = conv.weight.abs().mean((1, 2, 3), keepdim=True)
    weight, signs = alpha * binary_sign(conv.weight), binary_sign(x)
    if conv.padding_mode == 'zeros':
        return F.conv2d(
            signs, weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups
        )
    pad = conv.padding
    pad = (1, 1) if pad == 'same' else pad
    signs = F.pad(signs, (pad[1], pad[1], pad[0], pad[0]), conv.padding_mode)
    return F.conv2d(signs, weight, conv.bias, conv.stride, 0, conv.dilation, conv.groups)


def step(conv, x, module=None):
    """Output and gradients (x first) of one training step."""
    y = (module or conv)(x)
    y.float().square().mean().backward()
    grads = {name: p.grad for name, p in conv.named_parameters()}
    return y.detach(), {'x': x.grad, **grads}


def cosine(a, b):
    return F.cosine_similarity(a.flatten(), b.flatten(), dim=0).item()


@every_geometry
@pytest.mark.parametrize('training', [True, False], ids=('train', 'eval'))
def test_forward_is_the_real_convolution_of_signs(options, training):
    conv = layer(**options).train(training)
    assert torch.equal(conv(images()), on_signs(conv, images()))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_training_evaluation_and_torch_agree_on_every_shape(data):
    def size(low, high):
        return data.draw(st.integers(low, high))

    groups = size(1, 3)
    conv = BinaryConv2d(
        groups * size(1, 3),
        groups * size(1, 3),
        (size(1, 3), size(1, 3)),
        stride=(size(1, 3), size(1, 2)),
        padding=(size(0, 2), size(0, 3)),
        dilation=size(1, 2),
        groups=groups,
        bias=data.draw(st.booleans()),
    )
    x = torch.randn(size(1, 3), conv.in_channels, size(5, 9), size(5, 9), requires_grad=True)
    y = conv(x)
    y.sum().backward()
    assert torch.equal(y, on_signs(conv, x))
    assert torch.equal(y, conv.eval()(x))
    assert x.grad.shape == x.shape and x.grad.isfinite().all()


@every_geometry
@pytest.mark.parametrize('activation', ['SignSTE', 'SignPolynomial'])
def test_gradients_are_those_of_the_literal_formula(options, activation):
    conv = layer(**options, activation=dict(type=activation)).double()
    conv.weight.data.mul_(8)  # some latent weights beyond 1
    x = images(dtype=torch.float64)
    delta = torch.randn_like(conv(x))
    conv.aux_weight.data.normal_()
    actual = torch.autograd.grad(conv(x), [x, *conv.parameters()], delta)

    padded = (
        x
        if conv.padding_mode == 'zeros'
        else F.pad(x, conv._reversed_padding_repeated_twice, conv.padding_mode)
    )
    weight, rest = conv.weight_rule(conv.weight), (conv.activation, conv.op)
    scale = literal_scale(delta, padded, weight, conv.aux_weight, *rest, 0.1, 10.0)
    literal = literal_dpgc(padded, weight, conv.aux_weight, conv.bias, *rest, scale)
    expected = torch.autograd.grad(literal, [x, *conv.parameters()], delta)
    assert (conv.weight.abs() > 1).any()
    for got, want in zip(actual, expected, strict=True):
        torch.testing.assert_close(got, want, atol=1e-10, rtol=1e-10)


def test_without_surge_the_gradient_is_the_straight_through_one():
    conv, x = layer(surge=None, padding=1), images()
    assert [n for n, _ in conv.named_parameters()] == ['weight', 'bias']
    plain, by_autograd = step(conv, x)[1], images()
    y = F.conv2d(conv.activation(by_autograd), conv.weight_rule(conv.weight), conv.bias, padding=1)
    y.square().mean().backward()
    torch.testing.assert_close(plain['x'], by_autograd.grad)
    assert not plain['x'][x.abs() > 1].any()


def test_auxiliary_weight_is_irrelevant_to_evaluation():
    conv, x = layer(padding=1).eval(), images()
    before = conv(x)
    conv.aux_weight.data.normal_(std=100)
    after = conv(x)
    after.sum().backward()
    assert torch.equal(after, before)
    assert conv.aux_weight.grad is None
    assert not conv.ags.statistics.any()


def test_auxiliary_weight_is_irrelevant_to_the_training_forward():
    conv, x = layer(padding=1), images()
    before = conv(x)
    conv.aux_weight.data.fill_(float('nan'))
    assert torch.equal(conv(x), before)
    with torch.no_grad():
        assert torch.equal(conv(x), before)


def test_a_layer_called_twice_adds_both_gradients():
    conv, first, second = layer(padding=1), images(1), images(2)
    (conv(first).square().mean() + conv(second).square().mean()).backward()
    parts = [step(layer(padding=1), x)[1] for x in (images(1), images(2))]
    for name in ('weight', 'aux_weight', 'bias'):
        torch.testing.assert_close(getattr(conv, name).grad, parts[0][name] + parts[1][name])
    assert conv.ags.statistics[4] == 2


def test_first_layer_of_a_network_trains():
    conv = layer(padding=1)
    grads = step(conv, images(requires_grad=False))[1]
    assert grads['weight'].any() and not grads['aux_weight'].any()


def test_binary_weight_gives_signs_and_scale_without_a_graph():
    conv = layer()
    signs, alpha = conv.binary_weight()
    assert set(signs.unique().tolist()) == {-1, 1}
    assert torch.equal(signs * alpha, conv.weight_rule(conv.weight))
    assert not (signs.requires_grad or alpha.requires_grad)


@pytest.mark.parametrize(
    'clone', [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=('deepcopy', 'pickle')
)
def test_a_clone_trains_alike_and_apart(clone):
    conv = layer(padding=1, activation=dict(type='SignPolynomial'))
    twin = clone(conv)
    (y, grads), (other_y, others) = step(conv, images()), step(twin, images())
    assert isinstance(twin.activation, SignPolynomial)
    assert torch.equal(y, other_y)
    assert all(torch.equal(grads[n], others[n]) for n in grads)
    twin.weight.data.zero_()
    assert conv.weight.any()


@every_geometry
def test_from_float_shares_the_parameters(options):
    real = nn.Conv2d(4, 8, 3, **options)
    twin = BinaryConv2d.from_float(real, surge=dict(eta=0.1))
    assert twin.weight is real.weight and twin.bias is real.bias
    assert twin.ags.eta == 0.1
    assert torch.equal(twin.aux_weight, real.weight)
    assert twin.aux_weight is not real.weight
    assert torch.equal(twin(images()), on_signs(twin, images()))


def test_from_float_keeps_mode_and_dtype():
    real = nn.Conv2d(4, 8, 3, dtype=torch.float64).eval()
    twin = BinaryConv2d.from_float(real)
    assert not twin.training
    assert all(p.dtype == torch.float64 for p in twin.parameters())
    assert BinaryConv2d.from_float(nn.Conv2d(4, 8, 3)).training


def test_every_tensor_is_built_on_the_asked_device():
    conv = layer(device='meta')
    tensors = [*conv.parameters(), *conv.buffers()]
    assert len(tensors) == 5 and all(t.is_meta for t in tensors)


def test_autocast_computes_in_bfloat16_and_learns_in_float32():
    conv, x = layer(padding=1), images()
    expected = step(copy.deepcopy(conv), images())
    with torch.autocast('cpu', torch.bfloat16):
        y = conv(x)
        evaluated = copy.deepcopy(conv).eval()(x)
    y.float().square().mean().backward()
    grads = dict(x=x.grad, **{n: p.grad for n, p in conv.named_parameters()})
    assert y.dtype == evaluated.dtype == torch.bfloat16
    assert torch.equal(y, evaluated)
    assert len(grads) == 4
    for name, grad in grads.items():
        assert grad.dtype == torch.float32
        assert cosine(grad, expected[1][name]) > 0.98
        torch.testing.assert_close(grad.norm(), expected[1][name].norm(), rtol=0.02, atol=0)


def test_activation_checkpointing_gives_the_same_gradients():
    conv = layer(padding=1)
    twin = copy.deepcopy(conv)
    y, grads = step(conv, images())
    other_y, others = step(twin, images(), lambda x: checkpoint(twin, x, use_reentrant=False))
    assert torch.equal(y, other_y)
    assert len(grads) == 4
    assert all(torch.equal(grads[n], others[n]) for n in grads)
    assert torch.equal(conv.ags.statistics, twin.ags.statistics)


def test_a_few_steps_lower_the_loss_and_move_the_auxiliary_weight():
    torch.manual_seed(0)
    net = nn.Sequential(
        layer(padding=1), nn.BatchNorm2d(8), BinaryConv2d(8, 4, 3, padding=1), nn.BatchNorm2d(4)
    )
    x, target = images(requires_grad=False), images(5, requires_grad=False)
    before = net[2].aux_weight.detach().clone()
    optimizer, losses = torch.optim.Adam(net.parameters(), 0.01), []
    for _ in range(30):
        loss = F.mse_loss(net(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert not torch.equal(net[2].aux_weight, before)


def test_conv_module_builds_and_trains_it_under_another_scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        module = ConvModule(
            4,
            8,
            3,
            padding=1,
            norm_cfg=dict(type='BN'),
            act_cfg=None,
            conv_cfg=dict(type='surge_mmdet.BinaryConv2d', surge=dict(eta=0.3)),
        )
    assert type(module.conv) is BinaryConv2d and module.conv.ags.eta == 0.3
    assert module.conv.bias is None
    module(images()).square().mean().backward()
    assert module.conv.aux_weight.grad.any()


def test_the_scoped_type_alone_finds_the_layer_in_a_fresh_process():
    code = (
        'from mmcv.cnn import ConvModule\n'
        'from mmengine.registry import init_default_scope\n'
        "init_default_scope('mmdet')\n"
        "cfg = dict(type='surge_mmdet.BinaryConv2d', surge=None)\n"
        'print(type(ConvModule(4, 8, 3, conv_cfg=cfg).conv).__name__)'
    )
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True
    )
    assert done.stdout.split()[-1:] == ['BinaryConv2d'], done.stderr


@pytest.mark.parametrize('groups', [3, 0, -1, 8])
def test_groups_that_do_not_divide_are_refused_with_those_that_do(groups):
    with pytest.raises(ValueError, match=r'groups= one of \[1, 2, 4\]'):
        layer(groups=groups)


@pytest.mark.parametrize('kernel_size', [2, (3, 4)])
def test_same_padding_of_an_even_kernel_is_refused(kernel_size):
    with pytest.raises(ValueError, match='write padding=0'):
        layer(kernel_size=kernel_size, padding='same')


def test_repr_shows_geometry_and_surge():
    assert 'eta=0.1' in repr(layer(padding=1))
    assert 'padding=(1, 1), surge=None' in repr(layer(padding=1, surge=None))


def test_unbatched_input_is_refused_with_the_corrected_call():
    with pytest.raises(ValueError, match=r'conv\(x\[None\]\)'):
        BinaryConv2d(2, 2, 1)(torch.rand(2, 4, 4))


def test_statistics_stay_float32_in_a_bfloat16_model():
    conv = BinaryConv2d(2, 2, 1).bfloat16()
    assert conv.weight.dtype == torch.bfloat16
    assert conv.ags.statistics.dtype == torch.float32
