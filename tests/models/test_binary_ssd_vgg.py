import copy

import pytest
import torch
from mmdet.models import SSDVGG
from torch import nn

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.models import BinarySSDVGG, compare

PLAIN = dict(layer=dict(surge=None))


@pytest.fixture(scope='module')
def shared_net():
    torch.manual_seed(0)
    return BinarySSDVGG(11, out_indices=(3, 4), policy=PLAIN, out_feature_indices=(13, 24))


@pytest.fixture
def net(shared_net):
    return copy.deepcopy(shared_net)


def images(size=64):
    return torch.randn(2, 3, size, size, generator=torch.manual_seed(4))


@pytest.fixture(scope='module')
def vgg16():
    torch.manual_seed(0)
    return BinarySSDVGG(16)


def test_ssd300_maps(vgg16):
    with torch.no_grad():
        outs = vgg16.eval()(torch.randn(1, 3, 300, 300))
    assert [tuple(out.shape) for out in outs] == [(1, 512, 38, 38), (1, 1024, 19, 19)]


def test_all_but_first_and_last_convolution_are_binary(vgg16):
    binary = [n for n, m in vgg16.named_modules() if isinstance(m, BinaryConv2d)]
    assert len(binary) == 13 and all(vgg16.get_submodule(n).compensated for n in binary)
    real = {n: d.reason for n, d in vgg16.policy_decisions.items() if not d.binary}
    assert list(real) == ['features.0.conv', 'features.33.conv']
    assert real['features.0.conv'].startswith('conv1_1')
    assert real['features.33.conv'].startswith('conv7')
    assert vgg16.features[31].conv.dilation == (6, 6)


def test_places_are_those_of_mmdets_backbone(vgg16):
    mmdets = SSDVGG(16)
    assert len(vgg16.features) == len(mmdets.features)
    for own, theirs in zip(vgg16.features, mmdets.features, strict=True):
        if isinstance(theirs, nn.Conv2d):
            assert own.conv.weight.shape == theirs.weight.shape
        elif isinstance(theirs, nn.MaxPool2d):
            assert vars(own[0]).keys() == vars(theirs).keys()
            assert own[0].ceil_mode == theirs.ceil_mode
        else:
            assert type(own) is nn.PReLU


def test_signs_in_front_of_every_binary_layer_are_balanced(net):
    shares = {}
    for name, layer in net.named_modules():
        if isinstance(layer, BinaryConv2d):
            layer.register_forward_pre_hook(
                lambda module, args, name=name: shares.update(
                    {name: (args[0] >= 0).double().mean().item()}
                )
            )
    net.train()(images())
    assert len(shares) == 8
    assert all(0.2 < share < 0.8 for share in shares.values()), shares


def test_stride_convolutions_take_the_place_of_poolings():
    net = BinarySSDVGG(11, pooling='stride', policy=PLAIN, out_feature_indices=(13, 24))
    pools = [m for m in net.features.modules() if isinstance(m, nn.MaxPool2d)]
    assert [pool.stride for pool in pools] == [1]
    assert type(net.features[2].conv) is BinaryConv2d
    assert net.features[2].conv.stride == (2, 2)
    want = BinarySSDVGG(11, policy=None, out_feature_indices=(13, 24))
    for size in (64, 75):
        assert [o.shape for o in net(images(size))] == [o.shape for o in want(images(size))]


def test_none_gives_the_same_structure_in_real_values(net):
    real = BinarySSDVGG(11, policy=None, out_feature_indices=(13, 24))
    assert not any(isinstance(m, BinaryConv2d) for m in real.modules())
    assert real.state_dict().keys() == net.state_dict().keys()


def test_norms_train_unless_norm_eval(net):
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert net.train() is net
    assert len(norms) == 15 and all(m.training for m in norms)
    net.bn_eval = True
    assert not any(m.training for m in net.train().modules() if isinstance(m, nn.BatchNorm2d))
    assert not any(
        m.training
        for m in BinarySSDVGG(11, norm_eval=True, policy=PLAIN).train().modules()
        if isinstance(m, nn.BatchNorm2d)
    )


def test_frozen_stages_keep_still():
    net = BinarySSDVGG(11, frozen_stages=2, policy=PLAIN, out_feature_indices=(13, 24)).train()
    learns = {int(n.split('.')[1]) for n, p in net.named_parameters() if p.requires_grad}
    assert min(learns) == 6 and not net.features[0].training


def mmdets_checkpoint(path):
    torch.manual_seed(9)
    real = SSDVGG(11)
    torch.save(real.state_dict(), path)
    return real


@pytest.mark.parametrize('pooling', ['max', 'stride'])
def test_real_ssd_checkpoint_becomes_latent_weights(net, tmp_path, pooling):
    real = mmdets_checkpoint(tmp_path / 'vgg.pth')
    if pooling == 'stride':
        net = BinarySSDVGG(11, policy=PLAIN, pooling='stride')
    net.init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'vgg.pth'))
    net.init_weights()
    pairs = [
        (own.conv.weight, theirs.weight)
        for own, theirs in zip(net.features, real.features, strict=True)
        if isinstance(theirs, nn.Conv2d)
    ]
    assert len(pairs) == 10 and all(a.equal(b) for a, b in pairs)


def test_torchvisions_layout_is_matched_in_order(net):
    layers, channels = {}, []
    for place, unit in enumerate(m for m in net.features if hasattr(m, 'conv')):
        if place == 8:  # torchvision knows no conv6 and conv7
            break
        channels.append(unit)
        layers[f'features.{3 * place}.weight'] = unit.conv.weight + 1
        layers[f'features.{3 * place}.bias'] = torch.zeros(1)
        for name, value in unit.bn.state_dict().items():
            layers[f'features.{3 * place + 1}.{name}'] = value + 1
    renamed = net.real_names(layers)
    report = compare(net, renamed)
    assert not report.left_over and not report.other_shape
    for place, unit in ((0, 'features.0'), (1, 'features.3')):
        assert renamed[f'{unit}.conv.weight'].equal(layers[f'features.{3 * place}.weight'])
        assert renamed[f'{unit}.bn.running_var'].equal(
            layers[f'features.{3 * place + 1}.running_var']
        )


def test_own_checkpoint_is_not_renamed(net):
    state = net.state_dict()
    assert net.real_names(state) is state


def test_unknown_pooling_and_relu_are_refused():
    with pytest.raises(ValueError, match="Write pooling='max'"):
        BinarySSDVGG(16, pooling='average')
    with pytest.raises(ValueError, match='Write act_cfg=dict'):
        BinarySSDVGG(11, act_cfg=dict(type='ReLU'))


def test_checkpoint_of_another_depth_is_refused_with_its_depth(vgg16, tmp_path):
    mmdets_checkpoint(tmp_path / 'vgg.pth')
    net = copy.deepcopy(vgg16)
    net.init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'vgg.pth'))
    with pytest.raises(ValueError, match='write depth=11, or choose a checkpoint of VGG-16'):
        net.init_weights()


def test_stride_convolutions_refuse_to_round_down():
    with pytest.raises(ValueError, match='Write ceil_mode=True'):
        BinarySSDVGG(11, pooling='stride', ceil_mode=False)
