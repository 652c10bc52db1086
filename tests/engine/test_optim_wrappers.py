import copy

import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

from surge_mmdet.engine import (
    ApartClipping,
    SurgeAmpOptimWrapper,
    SurgeOptimWrapper,
)
from surge_mmdet.layers import BinaryConv2d

CONSTRUCTOR = 'surge_mmdet.SurgeOptimWrapperConstructor'


def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), BinaryConv2d(4, 4, 3), nn.PReLU(), BinaryConv2d(4, 2, 3, surge=None)
    )


def build(model, optimizer='SGD', paramwise_cfg=None, **options):
    cfg = dict(
        constructor=CONSTRUCTOR,
        **options,
        optimizer=dict(type=optimizer, lr=0.1, weight_decay=0.01),
    )
    if paramwise_cfg:
        cfg['paramwise_cfg'] = paramwise_cfg
    return build_optim_wrapper(model, cfg)


def step(model, wrapper, aux_factor=1.0):
    """One step; the auxiliary gradient multiplied by ``aux_factor``."""
    torch.manual_seed(1)
    loss = model(torch.randn(2, 3, 9, 9)).square().mean() * 1e3
    wrapper.backward(loss)
    with torch.no_grad():
        model[1].aux_weight.grad.mul_(aux_factor)
    wrapper.step()
    wrapper.zero_grad()


def network(model):
    return {n: p.detach().clone() for n, p in model.named_parameters() if 'aux' not in n}


@pytest.mark.parametrize('kind', [None, 'OptimWrapper', 'surge_mmdet.SurgeOptimWrapper'])
def test_constructor_builds_our_wrapper_for_each_spelling(kind):
    wrapper = build(net(), **(dict(type=kind) if kind else {}))
    assert type(wrapper) is SurgeOptimWrapper


def test_amp_written_over_the_type_becomes_our_amp_twin(monkeypatch):
    import mmengine.optim.optimizer.amp_optimizer_wrapper as amp

    monkeypatch.setattr(amp, 'is_cuda_available', lambda: True)
    wrapper = build(
        net(),
        type='AmpOptimWrapper',
        loss_scale='dynamic',
        clip_grad=dict(max_norm=1),
        aux=dict(lr_mult=2),
    )
    assert type(wrapper) is SurgeAmpOptimWrapper
    assert isinstance(wrapper, ApartClipping)
    assert wrapper.optimizer.param_groups[-1]['auxiliary']


def test_auxiliary_weights_have_their_group_with_both_multipliers():
    model = net()
    wrapper = build(model, aux=dict(lr_mult=0.5, decay_mult=0.0))
    first, second = wrapper.optimizer.param_groups
    assert 'auxiliary' not in first
    assert (first['lr'], first['weight_decay']) == (0.1, 0.01)
    assert [id(p) for p in second['params']] == [id(model[1].aux_weight)]
    assert (second['lr'], second['weight_decay']) == (0.05, 0.0)
    assert second['auxiliary'] is True
    count = sum(len(g['params']) for g in wrapper.optimizer.param_groups)
    assert count == len(list(model.parameters()))


def test_paramwise_options_are_kept_and_multiplied():
    model = net()
    wrapper = build(
        model, aux=dict(lr_mult=3.0), paramwise_cfg=dict(custom_keys={'1': dict(lr_mult=0.1)})
    )
    groups = {id(p): g for g in wrapper.optimizer.param_groups for p in g['params']}
    assert len(groups) == len(list(model.parameters()))
    assert groups[id(model[1].weight)]['lr'] == pytest.approx(0.01)
    aux = groups[id(model[1].aux_weight)]
    assert aux['lr'] == pytest.approx(0.03) and aux['auxiliary']
    assert all(g['params'] for g in wrapper.optimizer.param_groups)


@pytest.mark.parametrize('factor', [0.0, 100.0])
def test_auxiliary_gradients_never_change_the_networks_step(factor):
    clip = dict(max_norm=0.5)
    plain, other = net(), net()
    step(plain, build(plain, clip_grad=dict(clip)))
    step(other, build(other, clip_grad=dict(clip)), factor)
    assert network(plain).keys() == network(other).keys()
    assert all(v.equal(network(other)[k]) for k, v in network(plain).items())


def test_mmengines_own_wrapper_lets_them():
    models = []
    for factor in (0.0, 100.0):
        model = net()
        step(
            model,
            OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1), clip_grad=dict(max_norm=0.5)),
            factor,
        )
        models.append(model)
    assert not models[0][0].weight.equal(models[1][0].weight)


def test_each_part_is_clipped_to_its_own_norm():
    model = net()
    wrapper = build(model, clip_grad=dict(max_norm=0.5), aux=dict(clip_grad=dict(max_norm=0.1)))
    wrapper.backward(model(torch.randn(2, 3, 9, 9)).square().mean() * 1e3)
    wrapper._clip_grad()
    own = torch.stack([p.grad.norm() for n, p in model.named_parameters() if 'aux' not in n]).norm()
    assert own.item() == pytest.approx(0.5, rel=1e-4)
    assert model[1].aux_weight.grad.norm().item() == pytest.approx(0.1, rel=1e-4)
    hub = wrapper.message_hub
    assert hub.get_scalar('train/grad_norm').current() > 0.5
    assert hub.get_scalar('train/surge.aux_grad_norm').current() > 0.1


def test_without_surge_it_is_mmengines_wrapper():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 2, 3))
    twin = copy.deepcopy(model)
    own = build(model, clip_grad=dict(max_norm=0.1))
    theirs = OptimWrapper(
        torch.optim.SGD(twin.parameters(), lr=0.1, weight_decay=0.01), clip_grad=dict(max_norm=0.1)
    )
    x = torch.randn(2, 3, 5, 5)
    for each, wrapper in ((model, own), (twin, theirs)):
        wrapper.update_params(each(x).square().sum())
    assert model[0].weight.equal(twin[0].weight)
    assert len(own.optimizer.param_groups) == 1


@pytest.mark.parametrize('optimizer', ['SGD', 'AdamW'])
def test_state_dict_round_trip_keeps_the_mark(optimizer):
    model = net()
    wrapper = build(model, optimizer, clip_grad=dict(max_norm=1))
    step(model, wrapper)
    saved = copy.deepcopy(wrapper.state_dict())
    other = build(net(), optimizer, clip_grad=dict(max_norm=1))
    other.load_state_dict(saved)
    groups = other.optimizer.param_groups
    assert [g.get('auxiliary', False) for g in groups] == [False, True]


def test_bad_options_are_refused_with_the_corrected_line():
    with pytest.raises(ValueError, match=r"unknown 'lr'.*Write .*aux=dict\(lr_mult=0.1\)"):
        build(net(), aux=dict(lr=0.1))
    with pytest.raises(ValueError, match=r"Write .*aux=dict\(clip_grad={'max_norm': 1}\)\)\.$"):
        build(net(), aux=dict(clip_grads=dict(max_norm=1)))
    with pytest.raises(ValueError, match='without clip_grad has no effect'):
        build(net(), aux=dict(clip_grad=dict(max_norm=1)))
