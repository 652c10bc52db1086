import pytest
import torch
from mmdet.models import ResNet
from torch import nn

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.models import BinaryResNet
from surge_mmdet.models.backbones.binary_blocks import BinaryBottleneck

PLAIN = dict(layer=dict(surge=None))


def narrow(depth=50, **kwargs):
    torch.manual_seed(2)
    return BinaryResNet(depth, base_channels=8, **kwargs)


def images(size=64):
    return torch.randn(2, 3, size, size, generator=torch.manual_seed(4))


@pytest.mark.parametrize(
    'depth, width, blocks, binary', [(34, 1, (3, 4, 6, 3), 32), (50, 4, (3, 4, 6, 3), 48)]
)
def test_depths_have_their_blocks_and_shapes(depth, width, blocks, binary):
    net = narrow(depth)
    stages = [getattr(net, name) for name in net.res_layers]
    assert tuple(len(stage) for stage in stages) == blocks
    assert sum(type(m) is BinaryConv2d for m in net.modules()) == binary
    assert [tuple(out.shape) for out in net(images())] == [
        (2, 8 * width * 2**i, 16 // 2**i, 16 // 2**i) for i in range(4)
    ]


@pytest.mark.parametrize('depth', [34, 50])
def test_names_equal_mmdets_but_for_shortcuts_and_slopes(depth):
    net = narrow(depth, policy=PLAIN)
    real = ResNet(depth, base_channels=8)
    own = {n: v.shape for n, v in net.state_dict().items()}
    slopes = {n for n in own if n.split('.')[-2] in ('relu', 'act1', 'act2', 'act3')}
    renamed = {n: v.shape for n, v in net.real_names(real.state_dict()).items()}
    assert {n: s for n, s in own.items() if n not in slopes} == renamed


def block(**kwargs):
    torch.manual_seed(1)
    return BinaryBottleneck(32, 8, act_cfg=dict(type='PReLU'), **kwargs).eval()


def test_a_shortcut_goes_around_each_convolution():
    unit = block()
    for norm in (unit.norm1, unit.norm2, unit.norm3):
        nn.init.zeros_(norm.weight)
    x = torch.randn(2, 32, 6, 6)
    assert unit(x).equal(unit.act3(x))
    nn.init.ones_(unit.norm3.weight)
    inner = unit.act2(unit.act1(x.unflatten(1, (8, 4)).mean(2)))
    want = unit.act3(unit.norm3(unit.conv3(inner)) + x)
    torch.testing.assert_close(unit(x), want)


@pytest.mark.parametrize('style, strided', [('pytorch', 'conv2'), ('caffe', 'conv1')])
def test_style_places_the_stride_and_shortcuts_follow(style, strided):
    net = narrow(style=style)
    first = net.layer2[0]
    strides = {name: getattr(first, name).stride for name in ('conv1', 'conv2', 'conv3')}
    assert [n for n, s in strides.items() if s == (2, 2)] == [strided]
    assert net(images(70))[1].shape == (2, 64, 9, 9)


def test_checkpointing_gives_the_same_gradients():
    grads = []
    for with_cp in (False, True):
        net = narrow(with_cp=with_cp)
        x = images().requires_grad_()
        sum(out.mean() for out in net(x)).backward()
        grads.append(x.grad)
    torch.testing.assert_close(*grads)


def test_signs_in_front_of_every_binary_layer_differ():
    shares, net = {}, narrow()
    for name, layer in net.named_modules():
        if isinstance(layer, BinaryConv2d):
            layer.register_forward_pre_hook(
                lambda module, args, name=name: shares.update(
                    {name: (args[0] >= 0).double().mean().item()}
                )
            )
    net(nn.functional.interpolate(images(8), (64, 64), mode='bicubic'))
    assert len(shares) == 48
    # Three PReLUs per block lift the mean more than the two of ResNet-18.
    assert all(0.05 < share < 0.95 for share in shares.values()), shares


@pytest.mark.parametrize('depth, norm', [(18, 'norm2'), (50, 'norm3')])
@pytest.mark.parametrize('zero', [True, False])
def test_zero_init_residual_keeps_its_meaning(depth, norm, zero):
    net = narrow(depth, zero_init_residual=zero)
    net.init_weights()
    last = getattr(net.layer3[1], norm).weight
    assert bool((last == 0).all()) == zero
    assert (net.layer3[1].norm1.weight == 1).all()


def test_dilation_keeps_the_size():
    outs = narrow(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))(images())
    assert [out.shape[-1] for out in outs] == [16, 8, 8, 8]


def test_plugins_run_where_mmdet_runs_them():
    plugin = dict(cfg=dict(type='ContextBlock', ratio=1.0 / 4), position='after_conv3')
    net = narrow(plugins=[plugin])
    ran = []
    for stage in net.res_layers:
        for unit in getattr(net, stage):
            (name,) = unit.after_conv3_plugin_names
            getattr(unit, name).register_forward_hook(lambda *_, stage=stage: ran.append(stage))
    net.eval()(images())
    assert len(ran) == 16


@pytest.mark.parametrize('act, cls', [('Hardtanh', nn.Hardtanh), ('RPReLU', None)])
def test_other_activations_by_name(act, cls):
    net = narrow(act_cfg=dict(type=act))
    acts = [type(net.layer1[0].act3), type(net.relu)]
    assert len(set(acts)) == 1 and acts[0].__name__ == act
    assert net(images())[3].isfinite().all()
