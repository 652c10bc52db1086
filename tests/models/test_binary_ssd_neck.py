import pytest
import torch
from mmdet.models import SSDNeck
from torch import nn

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.models import BinarySSDNeck

SSD300 = dict(
    in_channels=(16, 32),
    out_channels=(16, 32, 16, 8, 8, 8),
    level_strides=(2, 2, 1, 1),
    level_paddings=(1, 1, 0, 0),
)
SSD512 = dict(
    in_channels=(16, 32),
    out_channels=(16, 32, 16, 8, 8, 8, 8),
    level_strides=(2, 2, 2, 2, 1),
    level_paddings=(1, 1, 1, 1, 1),
    last_kernel_size=4,
)
PLAIN = dict(layer=dict(surge=None))


def maps(size):
    generator = torch.manual_seed(0)
    return (
        torch.randn(2, 16, 2 * size, 2 * size, generator=generator),
        torch.randn(2, 32, size, size, generator=generator),
    )


@pytest.mark.parametrize(
    'options, size, sizes',
    [(SSD300, 19, [38, 19, 10, 5, 3, 1]), (SSD512, 32, [64, 32, 16, 8, 4, 2, 1])],
)
def test_levels_are_those_of_mmdets_neck(options, size, sizes):
    neck = BinarySSDNeck(**options)
    outs = neck(maps(size))
    assert [out.shape[-1] for out in outs] == sizes
    assert [tuple(o.shape) for o in outs] == [
        tuple(o.shape) for o in SSDNeck(**options)(maps(size))
    ]


def test_names_are_mmdets_and_all_convolutions_binary():
    neck = BinarySSDNeck(policy=PLAIN, **SSD300)
    own = {n: v.shape for n, v in neck.state_dict().items() if '.act.' not in n}
    mmdets = SSDNeck(norm_cfg=dict(type='BN'), **SSD300)
    assert own == {n: v.shape for n, v in mmdets.state_dict().items()}
    convs = [m for m in neck.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 8 and all(type(m) is BinaryConv2d for m in convs)


def test_l2_norm_stays_and_starts_at_its_scale():
    neck = BinarySSDNeck(l2_norm_scale=7.0, **SSD300)
    neck.init_weights()
    assert (neck.l2_norm.weight == 7).all()
    first = neck(maps(19))[0]
    torch.testing.assert_close(first.norm(dim=1), torch.full_like(first[:, 0], 7.0))


def test_real_values_pass_around_every_convolution():
    neck = BinarySSDNeck(act_cfg=dict(type='LeakyReLU', negative_slope=1.0), **SSD300).eval()
    for module in neck.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.weight)
    feature = maps(19)[1]
    narrow = feature.unflatten(1, (8, 4)).mean(2)
    pooled = nn.functional.avg_pool2d(narrow, 2, ceil_mode=True, count_include_pad=False)
    want = torch.cat([pooled, pooled], 1)
    torch.testing.assert_close(neck(maps(19))[2], want)


def test_surge_reaches_every_layer():
    neck = BinarySSDNeck(**SSD300)
    sum(out.pow(2).mean() for out in neck([m.requires_grad_() for m in maps(19)])).backward()
    layers = [m for m in neck.modules() if isinstance(m, BinaryConv2d)]
    assert all(layer.aux_weight.grad.any() for layer in layers)


def test_depthwise_is_refused_with_the_corrected_line():
    with pytest.raises(ValueError, match='Write use_depthwise=False'):
        BinarySSDNeck(use_depthwise=True, **SSD300)
