"""The life of W_a: initialised, started, saved, loaded, left out."""

import copy
import pickle

import pytest
import torch
from torch import nn

from surge_mmdet.layers import BinaryConv2d


def layer(seed=0, surge=dict(eta=0.3)):
    torch.manual_seed(seed)
    return BinaryConv2d(4, 8, 3, padding=1, surge=surge)


def train_once(conv):
    torch.manual_seed(9)
    conv(torch.randn(2, 4, 6, 6, requires_grad=True)).mean().backward()
    return conv


def without(state, *names):
    return {k: v for k, v in state.items() if not k.endswith(names)}


def test_compensated_tells_whether_there_is_an_auxiliary_weight():
    assert layer().compensated
    plain = layer(surge=None)
    assert not plain.compensated and plain.ags is None


def test_options_reach_the_scaler_and_the_layer():
    options = dict(eta=0.1, max_scale=3, init='zeros', aux_grad='unscaled')
    conv = layer(surge=options)
    assert (conv.ags.eta, conv.ags.max_scale) == (0.1, 3)
    assert not conv.aux_weight.any() and not conv.branch.scaled
    assert len(options) == 4  # the user's dict is not consumed


def test_unscaled_auxiliary_weight_learns_from_zero():
    conv = train_once(layer(surge=dict(init='zeros', aux_grad='unscaled')))
    assert conv.ags.read().scale == 0
    assert conv.aux_weight.grad.any()


def test_copy_follows_the_latent_weight_until_the_first_training_step():
    conv = layer()
    assert torch.equal(conv.aux_weight, conv.weight)
    nn.init.normal_(conv.weight)
    train_once(conv)
    assert torch.equal(conv.aux_weight, conv.weight)
    nn.init.normal_(conv.weight)
    started = conv.aux_weight.detach().clone()
    train_once(conv)
    assert torch.equal(conv.aux_weight, started)


@pytest.mark.parametrize('training', [False, True])
def test_a_forward_without_a_training_step_does_not_start_it(training):
    conv = layer().train(training)
    with torch.set_grad_enabled(not training):
        conv(torch.randn(1, 4, 6, 6))
    nn.init.normal_(conv.weight)
    assert not torch.equal(conv.aux_weight, conv.weight)
    train_once(conv.train())
    assert torch.equal(conv.aux_weight, conv.weight)


def test_kaiming_is_independent_of_the_latent_weight():
    conv = layer(surge=dict(init='kaiming'))
    before = conv.aux_weight.detach().clone()
    train_once(conv)
    assert torch.equal(conv.aux_weight, before)
    assert not torch.equal(conv.aux_weight, conv.weight)
    assert 0.5 < before.std() / (2 / (8 * 9)) ** 0.5 < 1.5


def test_state_dict_round_trip_keeps_weights_and_statistics():
    conv = train_once(layer())
    conv.aux_weight.data.normal_()
    twin = layer(seed=1)
    assert not any(twin.load_state_dict(conv.state_dict()))
    assert twin.ags.read().steps == 1
    train_once(twin)  # a loaded W_a must not be started again
    for name in ('weight', 'bias', 'aux_weight'):
        assert torch.equal(getattr(twin, name), getattr(conv, name))


@pytest.mark.parametrize('absent', [('aux_weight',), ('aux_weight', 'ags.statistics')])
def test_checkpoint_without_surge_loads_strictly_and_w_a_follows(absent):
    state = without(layer(seed=1).state_dict(), *absent)
    conv = train_once(layer())
    conv.aux_weight.data.normal_()
    conv.load_state_dict(state, strict=True)
    assert not torch.equal(conv.aux_weight, conv.weight)
    train_once(conv)
    assert torch.equal(conv.weight, state['weight'])
    assert torch.equal(conv.aux_weight, conv.weight)


def test_real_valued_checkpoint_loads_strictly_into_a_network():
    real = nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8))
    net = nn.Sequential(layer(), nn.BatchNorm2d(8))
    net.load_state_dict(real.state_dict(), strict=True)
    train_once(net)
    assert torch.equal(net[0].aux_weight, real[0].weight)


def test_checkpoint_with_surge_loads_strictly_into_a_plain_layer():
    net = nn.Sequential(layer(), nn.BatchNorm2d(8))
    plain = nn.Sequential(layer(1, surge=None), nn.BatchNorm2d(8))
    plain.load_state_dict(net.state_dict(), strict=True)
    assert torch.equal(plain[0].weight, net[0].weight)
    assert plain[0].aux_weight is None
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(plain.eval()(x), net.eval()(x))


@pytest.mark.parametrize('surge', [None, dict(eta=0.3)])
def test_strict_loading_still_reports_what_does_not_belong(surge):
    conv = layer(surge=surge)
    with pytest.raises(RuntimeError, match='Unexpected.*gamma'):
        conv.load_state_dict({**conv.state_dict(), 'gamma': torch.ones(1)})
    with pytest.raises(RuntimeError, match='Missing.*"weight"'):
        conv.load_state_dict(without(conv.state_dict(), 'weight'))


def test_loading_other_parts_of_a_network_keeps_a_trained_w_a():
    net = train_once(nn.Sequential(layer(), nn.BatchNorm2d(8)))
    net[0].aux_weight.data.normal_()
    trained = net[0].aux_weight.detach().clone()
    net.load_state_dict(nn.Sequential(nn.Identity(), nn.BatchNorm2d(8)).state_dict(), strict=False)
    train_once(net)
    assert torch.equal(net[0].aux_weight, trained)


@pytest.mark.parametrize(
    'clone', [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=('deepcopy', 'pickle')
)
def test_a_clone_remembers_whether_w_a_was_started(clone):
    fresh, started = clone(layer()), clone(train_once(layer()))
    for conv in (fresh, started):
        nn.init.normal_(conv.weight)
        train_once(conv)
    assert torch.equal(fresh.aux_weight, fresh.weight)
    assert not torch.equal(started.aux_weight, started.weight)


def test_unscaled_gradient_of_a_non_finite_step_is_zero():
    conv = BinaryConv2d(2, 3, 1, surge=dict(init='zeros', aux_grad='unscaled'))
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    conv(x).sum().backward()
    assert conv.aux_weight.grad.abs().sum() > 0  # zeros do start
    conv.aux_weight.grad = None
    (conv(x) * float('inf')).sum().backward()
    assert conv.aux_weight.grad.eq(0).all()
