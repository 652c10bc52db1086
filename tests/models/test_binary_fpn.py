import pytest
import torch
from mmdet.models import FPN
from torch import nn

from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.models import BinaryFPN

CHANNELS = [8, 16, 32]


def build(**kwargs):
    torch.manual_seed(1)
    options = dict(in_channels=CHANNELS, out_channels=8, num_outs=4)
    return BinaryFPN(**{**options, **kwargs})


def maps():
    generator = torch.manual_seed(0)
    return [
        torch.randn(2, c, 32 // 2**i, 32 // 2**i, generator=generator)
        for i, c in enumerate(CHANNELS)
    ]


def convolutions(neck):
    return {n: m for n, m in neck.named_modules() if isinstance(m, nn.Conv2d)}


@pytest.mark.parametrize(
    'options, sizes',
    [
        (dict(), [32, 16, 8, 4]),
        (dict(num_outs=3), [32, 16, 8]),
        (dict(start_level=1), [16, 8, 4, 2]),
        (dict(start_level=1, add_extra_convs='on_input'), [16, 8, 4, 2]),
        (dict(add_extra_convs='on_output', num_outs=5), [32, 16, 8, 4, 2]),
        (dict(lateral_kernel=3), [32, 16, 8, 4]),
    ],
)
def test_output_shapes(options, sizes):
    outs = build(**options)(maps())
    assert [tuple(out.shape) for out in outs] == [(2, 8, s, s) for s in sizes]


@pytest.mark.parametrize('options', [dict(), dict(start_level=1), dict(add_extra_convs='on_input')])
def test_all_layers_are_binary_with_mmdets_names(options):
    neck = build(policy=dict(layer=dict(surge=None)), **options)
    assert all(type(m) is BinaryConv2d for m in convolutions(neck).values())
    mmdets = FPN(CHANNELS, 8, num_outs=4, norm_cfg=dict(type='BN'), **options)
    assert {n: v.shape for n, v in neck.state_dict().items()} == {
        n: v.shape for n, v in mmdets.state_dict().items()
    }


@pytest.mark.parametrize(
    'options, channels', [(dict(), CHANNELS), (dict(start_level=1), CHANNELS[1:])]
)
def test_wide_lateral_kernel_reads_its_own_level(options, channels):
    neck = build(lateral_kernel=3, **options)
    assert [m.conv.kernel_size for m in neck.lateral_convs] == [(3, 3)] * len(channels)
    assert [m.conv.in_channels for m in neck.lateral_convs] == channels


def test_real_values_pass_around_the_output_convolutions():
    neck = build().eval()
    for module in neck.fpn_convs:
        nn.init.zeros_(module.bn.weight)
    x = torch.randn(1, 8, 4, 4)
    assert neck.fpn_convs[0](x).equal(x)


def test_even_kernel_is_refused():
    with pytest.raises(ValueError, match='Write lateral_kernel=1'):
        build(lateral_kernel=2)


def test_none_gives_the_same_structure_in_real_values():
    neck = build(policy=None)
    assert {type(m) for m in convolutions(neck).values()} == {nn.Conv2d}
    plain = build(policy=dict(layer=dict(surge=None)))
    assert neck.state_dict().keys() == plain.state_dict().keys()


def test_one_level_may_stay_real():
    neck = build(policy=dict(real={'lateral_convs.0.*': 'large map'}))
    assert [n for n, m in convolutions(neck).items() if type(m) is nn.Conv2d] == [
        'lateral_convs.0.conv'
    ]


def test_every_latent_and_auxiliary_weight_gets_a_gradient():
    neck = build().train()
    inputs = [m.requires_grad_() for m in maps()]
    sum(out.square().sum() for out in neck(inputs)).backward()
    assert all(p.grad.abs().sum() > 0 for p in neck.parameters())
    assert all(m.grad.abs().sum() > 0 for m in inputs)


def test_signs_in_front_of_every_layer_differ():
    neck, shares = build(add_extra_convs='on_output', num_outs=5), []
    for layer in convolutions(neck).values():
        layer.register_forward_pre_hook(
            lambda module, args: shares.append((args[0] >= 0).double().mean().item())
        )
    neck.train()(maps())
    assert len(shares) == 8 and all(0.1 < s < 0.9 for s in shares)


@pytest.mark.parametrize(
    'options', [dict(act_cfg=dict(type='ReLU')), dict(relu_before_extra_convs=True)]
)
def test_relu_in_front_of_a_binary_layer_is_refused(options):
    with pytest.raises(ValueError, match='sign'):
        BinaryFPN([8, 16], 8, 3, **options)


@pytest.mark.parametrize(
    'act, kind', [('PReLU', 'PReLU'), ('RPReLU', 'RPReLU'), ('Hardtanh', 'Hardtanh')]
)
def test_each_activation_of_binary_networks_is_accepted(act, kind):
    neck = build(act_cfg=dict(type=act))
    assert {type(m.act).__name__ for m in (*neck.lateral_convs, *neck.fpn_convs[:3])} == {kind}
    assert neck(maps())[0].isfinite().all()


def test_laterals_have_no_shortcut_even_where_channels_divide():
    neck = build()
    assert all(m.shortcut is None for m in neck.lateral_convs)
    assert all(m.shortcut is not None for m in neck.fpn_convs[:3])
