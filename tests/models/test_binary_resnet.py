import copy
import pickle

import pytest
import torch
from mmdet.models import ResNet
from mmdet.registry import MODELS
from torch import nn

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.models import BinaryResNet

PLAIN = dict(layer=dict(surge=None))


def narrow(depth=18, **kwargs):
    torch.manual_seed(2)
    return BinaryResNet(depth, base_channels=8, **kwargs)


def binary_layers(net):
    return {n: m for n, m in net.named_modules() if isinstance(m, BinaryConv2d)}


def images(size=64):
    return torch.randn(2, 3, size, size, generator=torch.manual_seed(4))


@pytest.mark.parametrize('out_indices', [(0, 1, 2, 3), (1, 3), (2,)])
def test_output_shapes(out_indices):
    outs = narrow(out_indices=out_indices)(images())
    assert [tuple(out.shape) for out in outs] == [
        (2, 8 * 2**i, 16 // 2**i, 16 // 2**i) for i in out_indices
    ]


def test_fewer_stages_and_odd_sizes():
    net = narrow(num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(0, 1))
    assert [out.shape[2:] for out in net(torch.zeros(1, 3, 65, 47))] == [(17, 12), (9, 6)]


def test_names_equal_mmdets_but_for_shortcuts_and_slopes():
    net = BinaryResNet(18, policy=PLAIN)
    own = {n: v.shape for n, v in net.state_dict().items()}
    mmdets = {n: v.shape for n, v in ResNet(18).state_dict().items()}
    slopes = {n for n in own if n.split('.')[-2] in ('relu', 'act1', 'act2')}
    assert len(slopes) == 17
    moved = {n for n in own if '.downsample.' in n}
    rest = own.keys() - slopes - moved
    assert rest == {n for n in mmdets if '.downsample.' not in n}
    assert all(own[n] == mmdets[n] for n in rest)
    assert {
        n: v.shape
        for n, v in net.real_names(ResNet(18).state_dict()).items()
        if '.downsample.' in n
    } == {n: own[n] for n in moved}


def test_surge_adds_training_state_only():
    own, plain = narrow().state_dict(), narrow(policy=PLAIN).state_dict()
    assert all(n.endswith(('aux_weight', 'ags.statistics')) for n in own.keys() - plain.keys())
    assert plain.keys() < own.keys()


def test_stem_and_shortcuts_stay_real_and_the_rest_is_binary():
    net = narrow()
    names = set(binary_layers(net))
    assert names == {f'layer{s}.{b}.conv{c}' for s in (1, 2, 3, 4) for b in (0, 1) for c in (1, 2)}
    reasons = {n: d.reason for n, d in net.policy_decisions.items() if not d.binary}
    assert reasons['conv1'].startswith('stem')
    assert reasons['layer2.0.downsample.1'].startswith('shortcut')


def test_none_gives_the_same_structure_in_real_values():
    net, plain = narrow(policy=None), narrow(policy=PLAIN)
    assert not binary_layers(net)
    assert net.state_dict().keys() == plain.state_dict().keys()
    net.load_state_dict(plain.state_dict())
    conv, x = net.layer1[0].conv1, torch.randn(1, 8, 5, 5)
    assert not conv(x).equal(plain.layer1[0].conv1(x))


def positive_shares(net, x):
    """Share of +1 in what each binary layer convolves."""
    shares = {}
    for name, layer in binary_layers(net).items():
        layer.register_forward_pre_hook(
            lambda module, args, name=name: shares.update(
                {name: (args[0] >= 0).double().mean().item()}
            )
        )
    net(x)
    return shares


@pytest.mark.parametrize('act', ['PReLU', 'LeakyReLU'])
def test_signs_in_front_of_every_binary_layer_differ(act):
    noise = positive_shares(narrow(act_cfg=dict(type=act)), images())
    assert len(noise) == 16
    assert all(0 < share < 1 for share in noise.values()), noise
    # Photographs are smooth; the pooled stem saturates far less on them.
    smooth = nn.functional.interpolate(images(8), (64, 64), mode='bicubic')
    shares = positive_shares(narrow(act_cfg=dict(type=act)), smooth)
    assert all(0.1 < share < 0.9 for share in shares.values()), shares


@pytest.mark.parametrize('silent', ['norm1', 'norm2'])
def test_shortcut_goes_around_each_convolution(silent):
    block = narrow().layer1[0].eval()
    nn.init.zeros_(getattr(block, silent).weight)
    x = torch.randn(1, 8, 6, 6)
    if silent == 'norm1':
        inner = block.act1(x)
        want = block.act2(block.norm2(block.conv2(inner)) + inner)
    else:
        want = block.act2(block.act1(block.norm1(block.conv1(x)) + x))
    assert not want.equal(x) and block(x).equal(want)


def test_checkpointing_memory_changes_neither_output_nor_gradients():
    plain, saving = narrow(), narrow(with_cp=True)
    saving.load_state_dict(plain.state_dict())
    results = []
    for net in (plain, saving):
        outs = net(images())
        sum(out.square().sum() for out in outs).backward()
        results.append([*outs, *(p.grad for p in net.parameters())])
    assert len(results[0]) == len(list(plain.parameters())) + 4
    assert all(map(torch.equal, *results))
    steps = [layer.ags.statistics[4] for layer in binary_layers(saving).values()]
    assert set(map(int, steps)) == {1}


@pytest.mark.parametrize('stages', [0, 1, 2])
def test_frozen_stages_freeze_latent_and_auxiliary_weights(stages):
    net = narrow(frozen_stages=stages)
    frozen = ['conv1', 'bn1', 'relu'] + [f'layer{i + 1}' for i in range(stages)]
    for name, parameter in net.named_parameters():
        assert parameter.requires_grad != (name.split('.')[0] in frozen), name
    net.train()
    before = copy.deepcopy(net.state_dict())
    net(images())[-1].sum().backward()
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.grad is not None:
                parameter -= parameter.grad
    after = net.state_dict()
    changed = {n.split('.')[0] for n in after if not after[n].equal(before[n])}
    assert not changed & set(frozen) and 'layer4' in changed


@pytest.mark.parametrize('norm_eval', [True, False])
def test_norm_eval_keeps_the_running_statistics(norm_eval):
    net = narrow(norm_eval=norm_eval)
    net.train()
    before = net.layer3[0].bn1.running_mean.clone()
    net(images())
    assert net.layer3[0].bn1.running_mean.equal(before) == norm_eval


@pytest.mark.parametrize('act', ['ReLU', 'ReLU6'])
def test_activation_without_negative_values_is_refused(act):
    with pytest.raises(ValueError, match=r"act_cfg=dict\(type='PReLU'\)"):
        narrow(act_cfg=dict(type=act))


def test_hardtanh_is_accepted_and_has_no_slopes():
    net = narrow(act_cfg=dict(type='Hardtanh'))
    assert not any('act' in n or 'relu' in n for n in net.state_dict())
    assert net(images())[0].abs().max() <= 1


@pytest.mark.parametrize('depth', [20, '18', None])
def test_unknown_depth_is_refused(depth):
    with pytest.raises(ValueError, match='Write depth='):
        BinaryResNet(depth)


def test_deep_stem_stays_real_and_keeps_its_last_activation():
    net = narrow(deep_stem=True, frozen_stages=1)
    assert isinstance(net.stem[-1], nn.PReLU)
    assert all(not n.startswith('stem') for n in binary_layers(net))
    assert net(images())[3].shape == (2, 64, 2, 2)
    assert not any(p.requires_grad for p in net.stem.parameters())


def test_stem_activation_may_follow_the_pooling():
    net = narrow()
    net.eval()
    x = net.norm1(net.conv1(images()))
    torch.testing.assert_close(net.relu(net.maxpool(x)), net.maxpool(net.relu(x)), rtol=0, atol=0)


@pytest.mark.parametrize('twin', [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_are_equal_and_independent(twin):
    net = narrow()
    other = twin(net)
    results = []
    for each in (net, other):
        outs = each(images(32))
        outs[-1].sum().backward()
        results.append([*outs, *(p.grad for p in each.parameters() if p.grad is not None)])
    assert all(map(torch.equal, *results))
    nn.init.zeros_(other.layer1[0].conv1.weight)
    assert net.layer1[0].conv1.weight.abs().min() > 0


def test_built_from_a_config_by_its_scoped_name():
    net = MODELS.build(dict(type='surge_mmdet.BinaryResNet', depth=18, base_channels=8))
    assert type(net) is BinaryResNet


def test_mode_switches_return_the_module_as_torchs_do():
    net = narrow()
    assert net.eval() is net and not net.layer1[0].conv1.training
    assert net.train() is net and net.layer1[0].conv1.training
