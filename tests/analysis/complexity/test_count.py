"""Counting operations and bytes."""

import pytest
import torch
from mmengine.analysis import FlopAnalyzer
from mmengine.analysis.complexity_analysis import parameter_count
from torch import nn

from surge_mmdet.analysis.complexity import count_macs, count_values, detector_complexity
from surge_mmdet.analysis.complexity.count import module_values
from surge_mmdet.layers import BinaryConv2d, BinaryLinear


def small_net(surge=None) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        BinaryConv2d(8, 16, 3, stride=2, padding=1, groups=2, bias=False, surge=surge),
        nn.BatchNorm2d(16),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10),
        BinaryLinear(10, 6, surge=surge),
    )


class AllKinds(nn.Module):
    """Every kind of layer, one of them called three times."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, dilation=2)
        self.binary = BinaryConv2d(8, 8, 3, padding=1, groups=4, surge=None)
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 12, 3, stride=2, groups=2)
        self.line = nn.Conv1d(12, 4, 3)
        self.fc = nn.Linear(8, 8)
        self.binary_fc = BinaryLinear(8, 5, surge=None)

    def forward(self, x):
        x = self.stem(x)
        for _ in range(3):
            x = self.norm(self.binary(x))
        y = self.line(self.up(x).flatten(2))
        z = self.fc(nn.functional.adaptive_avg_pool2d(x, 2).view(-1, 4, 8))
        return y, self.binary_fc(z) @ torch.ones(5, 2)


def real_detector(name: str):
    """A float32 detector from a config of ours or of mmdet, few proposals."""
    from pathlib import Path

    import mmdet
    from conftest import ROOT
    from mmdet.registry import MODELS
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    folder = ROOT / 'configs'
    if not (folder / name).is_file():
        folder = Path(mmdet.__file__).parent / '.mim/configs'
    init_default_scope('mmdet')
    model = Config.fromfile(folder / name).model
    if 'init_cfg' in model.backbone:
        model.backbone.init_cfg = None
    if 'rpn' in (model.test_cfg or {}):
        model.test_cfg.rpn.max_per_img = 10
    return MODELS.build(model)


def mmengine_count(model, height: int, width: int) -> dict:
    """By operator, exactly as mmdet's get_flops.py asks for it."""
    from functools import partial

    from mmdet.testing import demo_mm_inputs

    data = model.data_preprocessor(demo_mm_inputs(1, [[3, height, width]]), False)
    model.eval().forward = partial(model.forward, data_samples=data['data_samples'])
    try:
        return dict(FlopAnalyzer(model, (data['inputs'],)).by_operator())
    finally:
        del model.forward


def test_macs_equal_the_closed_form():
    rows = {r.name: r for r in count_macs(small_net(), torch.rand(1, 3, 8, 8))}
    assert rows['0'].macs == 8 * 8 * 8 * 3 * 9 and not rows['0'].binary
    assert rows['1'].macs == 16 * 4 * 4 * (8 // 2) * 9 and rows['1'].binary
    assert rows['4'].macs == 256 * 10 and not rows['4'].binary
    assert rows['5'].macs == 10 * 6 and rows['5'].binary
    assert rows['1'].bops == rows['1'].macs and rows['1'].flops == 0


def test_every_kind_of_layer_equals_mmengines_counter():
    net, x = AllKinds().eval(), torch.rand(2, 3, 20, 16)
    rows = {r.name: r for r in count_macs(net, x)}
    linear = {n: r for n, r in rows.items() if r.kind.endswith('Linear')}
    count = FlopAnalyzer(net, (x,)).by_operator()
    assert sum(r.macs for r in linear.values()) == count['linear']
    assert sum(r.macs for n, r in rows.items() if n not in linear) == count['conv']
    assert rows['binary'].calls == 3 and rows['stem'].calls == 1
    assert set(linear) == {'fc', 'binary_fc'} and len(rows) == 6


def test_values_count_scales_and_statistics():
    binary, real = count_values(small_net())
    assert binary == 16 * 4 * 9 + 60
    scales, norm, biases = 16 + 6, 4 * 16, 10 + 6
    assert real == 8 * 3 * 9 + scales + norm + 256 * 10 + biases


def test_auxiliary_weights_cost_nothing_at_inference():
    assert count_values(small_net(dict(eta=0.3))) == count_values(small_net())


def test_shared_weights_are_counted_once():
    first, second = nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)
    second.weight = first.weight
    net = nn.Sequential(first, second, first)
    assert count_values(net) == (0, 4 * 4 * 9 + 2 * 4)
    assert module_values(net)['1'] == {'real_parameters': 4}


def test_counting_leaves_the_model_as_it_was():
    net = small_net().train()
    count_macs(net, torch.rand(2, 3, 8, 8))
    assert net.training
    assert not any(m._forward_hooks for m in net.modules())


@pytest.mark.parametrize(
    'name, size',
    [
        ('faster_rcnn/faster-rcnn_r18_fpn128_fp32_12e_bccd.py', (64, 96)),
        ('ssd/ssd300_vgg16_fp32_24x10e_voc0712.py', (300, 300)),
        ('retinanet/retinanet_r18_fpn_1x_coco.py', (50, 70)),
        ('mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', (32, 64)),
    ],
)
def test_real_detectors_equal_mmdets_counter(name, size):
    model = real_detector(name)
    found = detector_complexity(model, *size, other=True)
    count = mmengine_count(model, *size)
    linear = sum(r.macs for r in found.layers if r.kind == 'Linear')
    assert linear == count.pop('linear', 0)
    assert found.flops - linear == count.pop('conv') and found.bops == 0
    assert found.total('other') == sum(count.values())
    norm = sum(r.other for r in found.layers if r.kind == 'BatchNorm2d')
    assert norm == count.get('batch_norm', 0)
    assert found.total('real_parameters') == parameter_count(model)['']
    assert found.fp32_twin == found


def test_detector_totals_and_fp32_twin():
    folder = 'faster_rcnn/faster-rcnn_r18_fpn128'
    surge, fp32 = (
        detector_complexity(real_detector(f'{folder}_{m}_12e_bccd.py'), 64, 96, other=True)
        for m in ('surge', 'fp32')
    )
    assert surge.input_shape == (64, 96) and surge.proposals == 10
    assert fp32.bops == 0 < surge.bops < surge.total('macs')
    assert surge.ops == surge.flops + surge.bops / 64
    twin = surge.fp32_twin
    assert [r.macs for r in twin.layers] == [r.macs for r in fp32.layers]
    for field in ('flops', 'bops', 'megabytes', 'real_values', 'input_shape'):
        assert getattr(twin, field) == getattr(fp32, field)
    assert twin.total('other') == fp32.total('other')
    assert twin.megabytes > 5 * surge.megabytes
    rpn = next(r for r in surge.layers if r.name == 'rpn_head.rpn_conv')
    assert rpn.binary and rpn.calls == 5 and rpn.scales == 128
    assert (surge.binary_weights, surge.real_values) == count_values(
        real_detector(f'{folder}_surge_12e_bccd.py')
    )


def test_swapped_detector_has_the_unmodified_one_as_twin():
    binary, real = (
        detector_complexity(real_detector(name), 64, 64, other=True)
        for name in (
            'binarized/retinanet_r18_fpn_surge_1x_coco.py',
            'retinanet/retinanet_r18_fpn_1x_coco.py',
        )
    )
    twin = binary.fp32_twin
    assert binary.bops > binary.flops > 0
    for field in ('macs', 'other', 'real_parameters', 'buffers'):
        assert twin.total(field) == real.total(field)


def test_padding_and_missing_proposals_are_stated():
    model = real_detector('retinanet/retinanet_r18_fpn_1x_coco.py')
    found = detector_complexity(model, 50, 70)
    assert found.input_shape == (64, 96) and found.proposals is None
    assert found.total('other') == 0  # not asked for


class Hidden(torch.autograd.Function):
    """A convolution that the tracer cannot see."""

    @staticmethod
    def forward(ctx, x, weight):
        return nn.functional.conv2d(x, weight)


class HiddenConv(nn.Conv2d):
    def forward(self, x):
        return Hidden.apply(x, self.weight)


def test_convolution_inside_an_autograd_function_is_refused():
    model = real_detector('retinanet/retinanet_r18_fpn_1x_coco.py')
    name, parent = 'neck.lateral_convs.0.conv', model.neck.lateral_convs[0]
    parent.conv = HiddenConv(128, 256, 1)
    with pytest.raises(ValueError, match=f'^get_flops.*less.*in .{name}'):
        detector_complexity(model, 64, 64, other=True)


@pytest.mark.parametrize('size', [(0, 300), (300, -1), (300, 2.5)])
def test_impossible_size_shows_the_corrected_option(size):
    with pytest.raises(ValueError, match='Write --shape 600 1000'):
        detector_complexity(nn.Conv2d(3, 3, 1), *size)


def test_size_that_the_detector_cannot_take_is_explained():
    model = real_detector('ssd/ssd300_vgg16_fp32_24x10e_voc0712.py')
    with pytest.raises(ValueError, match='of 40 x 70(?s:.*)--shape 64 96'):
        detector_complexity(model, 40, 70)
    assert not any(m._forward_hooks for m in model.modules())


def test_real_weights_behind_binary_activations_count_as_real():
    step1 = BinaryConv2d(4, 8, 3, bias=False, surge=None, weight_scale=dict(type='RealWeight'))
    step2 = BinaryConv2d(4, 8, 3, bias=False, surge=None)
    x = torch.zeros(1, 4, 5, 5)
    rows = [
        count_macs(net, x)[0] for net in (torch.nn.Sequential(step1), torch.nn.Sequential(step2))
    ]
    assert [row.binary for row in rows] == [False, True]
    assert rows[0].macs == rows[1].macs
