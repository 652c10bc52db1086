"""Fused blocks compute what the packed layers one by one compute."""

import copy

import pytest
import torch
from deploy.packing import settled
from torch import nn

from surge_mmdet.convert import binarize
from surge_mmdet.deploy.fold import pack_model
from surge_mmdet.deploy.fused import blocks
from surge_mmdet.deploy.fused.blocks import PackedBasicBlock, PackedBottleneck, PackedStage
from surge_mmdet.deploy.fused.fpn import PackedFPN
from surge_mmdet.deploy.fused.fuse import fuse
from surge_mmdet.deploy.fused.real_blocks import PackedPool, PackedPooledConv, PackedRealConv
from surge_mmdet.deploy.fused.rpn import PackedRPNHead
from surge_mmdet.deploy.fused.stem import PackedStem
from surge_mmdet.deploy.fused.vgg import PackedVGG
from surge_mmdet.kernels import ops
from surge_mmdet.layers import BinaryLayer, RPReLU
from surge_mmdet.models import BinaryFPN, BinaryResNet, BinaryRPNHead, BinarySSDNeck, BinarySSDVGG
from surge_mmdet.models.shortcut import ShortcutConvModule

RPRELU, HARDTANH = dict(type='RPReLU'), dict(type='Hardtanh')


def resnet(depth, **options):
    return BinaryResNet(depth, base_channels=16, stem_channels=16, **options)


def pyramid(backbone, expansion=1):
    channels = [16 * 2**i * expansion for i in range(4)]
    return nn.Sequential(backbone, BinaryFPN(in_channels=channels, out_channels=24, num_outs=5))


MODELS = {
    'resnet18': lambda: resnet(18),
    'resnet18, RPReLU': lambda: resnet(18, act_cfg=RPRELU),
    'resnet50, Hardtanh': lambda: resnet(50, act_cfg=HARDTANH),
    'resnet50, caffe': lambda: resnet(50, style='caffe'),
    'a real stage': lambda: resnet(18, policy=dict(real={'layer2.*': 'small'})),
    'fpn': lambda: pyramid(resnet(18)),
    'fpn, 3x3': lambda: nn.Sequential(
        resnet(18),
        BinaryFPN(in_channels=[16, 32, 64, 128], out_channels=16, num_outs=4, lateral_kernel=3),
    ),
    'vgg': lambda: nn.Sequential(
        BinarySSDVGG(16, out_feature_indices=(22, 34), out_indices=(3, 4))
    ),
    'vgg, floor': lambda: nn.Sequential(
        BinarySSDVGG(
            13, out_feature_indices=(4, 29), out_indices=(3, 4), ceil_mode=False, act_cfg=RPRELU
        )
    ),
    'vgg, strides': lambda: nn.Sequential(
        BinarySSDVGG(11, pooling='stride', out_feature_indices=(10, 17), out_indices=(3, 4))
    ),
}


def trained(model):
    """Statistics and slopes as after a training, so that no affine is trivial."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            module.momentum = None
        if isinstance(module, (nn.PReLU, RPReLU)):
            for parameter in module.parameters():
                nn.init.normal_(parameter, 0.2, 0.1)
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 64, 96))
    return model.eval()


def maps(model, x):
    with torch.no_grad():
        found = model(x)
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize('kernel', [ops.kernel_name(), 'torch'])
@pytest.mark.parametrize('name', MODELS)
def test_maps_are_those_of_the_simulated_model(monkeypatch, name, kernel):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    model = trained(MODELS[name]())
    packed, kept = pack_model(copy.deepcopy(model))
    assert not kept and not any(isinstance(m, BinaryLayer) for m in packed.modules())
    fused = fuse(copy.deepcopy(packed))
    x = torch.randn(2, 3, 65, 97)
    for plain, one, other in zip(maps(model, x), maps(packed, x), maps(fused, x), strict=True):
        assert plain.shape == one.shape == other.shape
        for a, b in ((plain, one), (one, other)):
            # A sign at 0 may flip by rounding, and takes its neighbourhood with it.
            assert ((a - b).abs() > 1e-3 * (1 + a.abs())).float().mean() < 0.02


@pytest.mark.parametrize(
    'name, kinds',
    [
        ('resnet18', {PackedStem: 1, PackedStage: 4, PackedBasicBlock: 8}),
        ('resnet50, caffe', {PackedStage: 4, PackedBottleneck: 16}),
        ('a real stage', {PackedStage: 3, PackedBasicBlock: 6}),
        ('fpn', {PackedFPN: 1}),
        ('vgg', {PackedVGG: 1, PackedRealConv: 2, PackedPooledConv: 3, PackedPool: 5}),
        ('vgg, strides', {PackedVGG: 1, PackedRealConv: 2, PackedPooledConv: 0, PackedPool: 1}),
    ],
)
def test_what_is_fused(name, kinds):
    fused = fuse(pack_model(trained(MODELS[name]()))[0])
    for kind, count in kinds.items():
        assert sum(isinstance(m, kind) for m in fused.modules()) == count


def test_rpn_and_extra_levels():
    torch.manual_seed(0)
    head = BinaryRPNHead(in_channels=16, feat_channels=16)
    neck = BinarySSDNeck(
        in_channels=(16, 16), out_channels=(16, 16, 32), level_strides=(2,), level_paddings=(1,),
        l2_norm_scale=None,
    )  # fmt: skip
    model = nn.ModuleList([head, neck])
    fused = fuse(pack_model(copy.deepcopy(model).eval())[0])
    assert type(fused[0]) is PackedRPNHead
    x = torch.randn(1, 16, 9, 13)
    with torch.no_grad():
        for a, b in zip(head.eval().forward_single(x), fused[0].forward_single(x), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
        pairs = zip(neck.eval()((x, x)), fused[1]((x, x)), strict=True)
        for a, b in pairs:
            assert ((a - b).abs() > 1e-3 * (1 + a.abs())).float().mean() < 0.02


@pytest.mark.parametrize('groups', [(1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize('kernel', [ops.kernel_name(), 'torch'])
def test_a_chain_with_groups(groups, kernel, monkeypatch):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    policy = dict(layer=dict(surge=None))
    chain = nn.Sequential(
        *[
            ShortcutConvModule(64, 64, 3, padding=1, groups=g, norm_cfg=dict(type='BN'))
            for g in groups
        ]
    )
    chain = nn.Sequential(chain)
    binarize(chain, policy, {})
    packed = fuse(pack_model(copy.deepcopy(settled(chain)))[0])
    assert isinstance(packed[0], PackedStage)
    x = torch.randn(2, 64, 6, 7)
    with torch.no_grad():
        torch.testing.assert_close(packed(x), chain(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    'act',
    [nn.Identity(), nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-2, 1), nn.PReLU(), nn.PReLU(8, 0.1),
     RPReLU(8), nn.LeakyReLU(0.3)],
    ids=lambda act: str(act),
)  # fmt: skip
def test_every_activation_is_its_parts(act):
    layer = ops.Filter(4, 8)
    x, w = torch.randn(1, 3, 5, 4), torch.randn(8, 1, 1, 4)
    weight = ops.pack_weight(ops.pack_signs(w), layer)
    scale, bias = torch.randn(2, 8)
    run = [
        ops.binary_conv(ops.pack_signs(x), weight, ops.Epilogue(scale, bias, **parts))[0]
        for parts in ({}, blocks.activation_parts(act, 8))
    ]
    with torch.no_grad():
        want = act(run[0].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    torch.testing.assert_close(run[1], want, rtol=1e-6, atol=1e-6)
