"""Counting operations and bytes."""
import torch
from torch import nn

from surge_mmdet.analysis import (
    count_macs,
    count_values,
    detector_complexity,
    real_twin,
)
from surge_mmdet.layers import BinaryConv2d


def small_net(surge=None) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        BinaryConv2d(8, 16, 3, stride=2, padding=1, groups=2, bias=False,
                     surge=surge),
        nn.BatchNorm2d(16), nn.Flatten(), nn.Linear(16 * 4 * 4, 10))


def test_macs_equal_the_closed_form():
    rows = {r.name: r for r in count_macs(small_net(), torch.rand(1, 3, 8, 8))}
    assert rows['0'].macs == 8 * 8 * 8 * 3 * 9 and not rows['0'].binary
    assert rows['1'].macs == 16 * 4 * 4 * (8 // 2) * 9 and rows['1'].binary
    assert rows['4'].macs == 256 * 10


def test_values_count_scales_and_statistics():
    binary, real = count_values(small_net())
    assert binary == 16 * 4 * 9
    scales, norm = 16, 4 * 16
    assert real == 8 * 3 * 9 + scales + norm + 256 * 10 + 10


def test_auxiliary_weights_cost_nothing_at_inference():
    assert count_values(small_net(dict(eta=0.3))) == count_values(small_net())


def test_counting_leaves_the_model_as_it_was():
    net = small_net().train()
    count_macs(net, torch.rand(2, 3, 8, 8))
    assert net.training
    assert not any(m._forward_hooks for m in net.modules())


def test_detector_totals_and_real_twin():
    from conftest import ROOT
    from mmdet.registry import MODELS
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    init_default_scope('mmdet')
    folder = ROOT / 'configs/faster_rcnn'
    found = {}
    for method in ('surge', 'fp32'):
        cfg = Config.fromfile(
            folder / f'faster-rcnn_r18_fpn128_{method}_12e_bccd.py')
        cfg.model.test_cfg.rpn.max_per_img = 10
        found[method] = detector_complexity(MODELS.build(cfg.model), 64, 96)
    surge, fp32 = found['surge'], found['fp32']
    assert fp32.bops == 0 and surge.bops > 0
    backbone = [r for r in surge.layers if r.name.startswith('backbone')]
    same = [r for r in fp32.layers if r.name.startswith('backbone')]
    assert [r.macs for r in backbone] == [r.macs for r in same]
    assert surge.ops == surge.flops + surge.bops / 64
    assert real_twin(surge).megabytes > 5 * surge.megabytes
    # The packed net also stores one scale per binary output channel.
    scales = real_twin(surge).real_values - fp32.real_values
    assert 0 < scales < 10_000
