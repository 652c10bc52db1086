"""W_a starts from, and the tied branch is, the real weight whose signs the rule takes."""

import pytest
import torch

from surge_mmdet.binarizers import WEIGHT_RULES, AdaBinWeight, Binarizer, binary_sign
from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.surge import literal_dpgc, literal_scale

MOVED = [rule for rule in WEIGHT_RULES if rule.transform is not Binarizer.transform]


def name(each) -> str:
    return each.__name__


def build(rule, **surge):
    torch.manual_seed(0)
    surge = dict(eta=0.3, max_scale=1e9, **surge)
    layer = BinaryConv2d(6, 8, 3, padding=1, weight_rule=dict(type=rule), surge=surge).double()
    layer.weight.data += 0.02 * torch.linspace(-1, 1, 8).view(-1, 1, 1, 1)
    layer.start()
    layer.weight_rule.before_epoch(layer.weight)
    if surge.get('branch') != 'tied':
        layer.reset_aux_weight()
    return layer


def sizes(weight):
    return weight.detach().flatten(1).norm(dim=1)


@pytest.mark.parametrize('rule', WEIGHT_RULES, ids=name)
def test_its_channels_have_the_sizes_of_the_latent_ones(rule):
    layer = build(rule)
    torch.testing.assert_close(sizes(layer.aux_weight), sizes(layer.weight))


@pytest.mark.parametrize('rule', WEIGHT_RULES, ids=name)
def test_it_has_the_signs_that_the_forward_has(rule):
    layer = build(rule)
    if rule is AdaBinWeight:  # both levels stand for W, whatever their signs
        assert layer.aux_weight.equal(layer.weight)
        return
    assert binary_sign(layer.aux_weight).equal(layer.binary_weight()[0])


@pytest.mark.parametrize('rule', sorted(set(WEIGHT_RULES) - set(MOVED), key=name), ids=name)
def test_without_a_transform_it_is_the_latent_weight_itself(rule):
    layer, tied = build(rule), build(rule, branch='tied')
    assert layer.aux_weight.equal(layer.weight)
    assert tied.auxiliary().data_ptr() == tied.weight.data_ptr()  # and costs nothing


def test_known_directions():
    """Libra's weight is centred, BiPer's a sine, whatever they are divided by."""
    layer = build('Libra')
    centred = layer.weight - layer.weight.mean((1, 2, 3), keepdim=True)
    cosine = torch.cosine_similarity(layer.aux_weight.flatten(1), centred.flatten(1))
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
    layer = build('BiPer')
    cosine = torch.cosine_similarity(
        layer.aux_weight.flatten(1), torch.sin(20 * layer.weight).flatten(1)
    )
    torch.testing.assert_close(cosine, torch.ones_like(cosine))


@pytest.mark.parametrize('rule', WEIGHT_RULES, ids=name)
def test_channels_of_zeros_and_of_equal_weights_start_from_numbers(rule):
    layer = build(rule)
    layer.weight.data[2] = 0.5  # its mean is exact
    layer.weight.data[3] = 0.0
    layer.reset_aux_weight()
    assert layer.aux_weight.isfinite().all() and not layer.aux_weight[3].any()


@pytest.mark.parametrize('rule', MOVED, ids=name)
@pytest.mark.parametrize('progress', [0.0, 0.7])
def test_tied_every_gradient_is_that_of_the_literal_formula(rule, progress):
    """The literal W_a is what the sign is taken of, in any size: AGS divides by it."""
    layer = build(rule, branch='tied')
    layer.weight_rule.set_progress(progress)
    torch.manual_seed(1)
    x = torch.randn(2, 6, 5, 5, dtype=torch.double, requires_grad=True)
    delta = torch.randn(2, 8, 5, 5, dtype=torch.double)
    leaves = [x, layer.weight, layer.bias, *layer.weight_rule.parameters()]
    got = torch.autograd.grad(layer(x), leaves, delta)
    weight = layer.weight_rule(layer.weight)
    if rule is AdaBinWeight:
        tied = layer.weight.detach()
    else:
        u = layer.weight_rule.transform(layer.weight).detach()
        tied = 7 * u * (sizes(layer.weight) / sizes(u)).view(-1, 1, 1, 1)
    rest = (layer.activation, layer.op)
    scale = literal_scale(delta, x, weight, tied, *rest, 0.3, 1e9)
    y = literal_dpgc(x, weight, tied, layer.bias, *rest, scale)
    for found, want in zip(got, torch.autograd.grad(y, leaves, delta), strict=True):
        torch.testing.assert_close(found, want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize('branch', ['pointwise', 'depthwise', 'lowrank'])
def test_the_cheaper_branches_start_from_it_too(branch):
    layer = build('Libra', branch=branch)
    want = layer.branch.initial(layer.weight_rule.real_twin(layer.weight))
    assert layer.aux_weight.equal(want)
    assert not layer.aux_weight.equal(layer.branch.initial(layer.weight))
