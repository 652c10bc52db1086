"""Binarizers and weight rules from config, and what the errors say."""

import pytest
import torch

from surge_mmdet.binarizers import (
    ChannelMean,
    SignPolynomial,
    SignSTE,
    build_activation,
    build_weight_rule,
)
from surge_mmdet.layers import BinaryConv2d


def layer(**options):
    return BinaryConv2d(4, 8, 3, **options)


@pytest.mark.parametrize(
    'kind, cls',
    [
        ('SignSTE', SignSTE),
        ('SignPolynomial', SignPolynomial),
        ('surge_mmdet.SignPolynomial', SignPolynomial),
        (SignPolynomial, SignPolynomial),
    ],
)
def test_activation_is_built_by_name_or_class(kind, cls):
    assert type(build_activation(dict(type=kind), 4)) is cls


def test_weight_rule_is_built_by_name():
    rule = build_weight_rule(dict(type='ChannelMean'), (8, 4, 3, 3))
    assert type(rule) is ChannelMean


def test_options_are_handed_on_and_the_dict_is_kept():
    cfg = dict(type='SignSTE', clip=0.5)
    assert build_activation(cfg, 4).clip == 0.5
    assert cfg == dict(type='SignSTE', clip=0.5)


def test_two_layers_share_no_binarizer():
    assert layer().activation is not layer().activation


@pytest.mark.parametrize(
    'wrong, right',
    [
        ('SgnSTE', 'SignSTE'),
        ('sign_ste', 'SignSTE'),
        ('SignPolynom', 'SignPolynomial'),
        ('Polynomial', 'SignPolynomial'),
        ('XYZ', 'SignSTE'),
    ],
)
def test_unknown_activation_is_refused_with_the_nearest(wrong, right):
    with pytest.raises(ValueError, match=rf"activation=dict\(type='{right}'\)") as info:
        layer(activation=dict(type=wrong))
    assert repr(wrong) in str(info.value)
    assert 'known are SignSTE, AdaBin' in str(info.value)
    assert 'ChannelMean' not in str(info.value)


@pytest.mark.parametrize('wrong', ['channel_mean', 'Channel', 'SignSTE'])
def test_unknown_weight_rule_is_refused_with_the_line(wrong):
    with pytest.raises(ValueError, match=r"weight_rule=dict\(type='ChannelMean'\)"):
        layer(weight_rule=dict(type=wrong))


@pytest.mark.parametrize('cfg', ['SignSTE', None, dict(), dict(clip=1.0)])
def test_config_without_a_type_is_refused_with_the_line(cfg):
    with pytest.raises(TypeError, match=r"activation=dict\(type='SignSTE'\)"):
        layer(activation=cfg)


@pytest.mark.parametrize(
    'cfg',
    [dict(type=None), dict(type=3), dict(type='SignSTE', clp=1.0), dict(type='SignSTE', clip='1')],
)
def test_config_that_cannot_be_built_is_refused_with_the_line(cfg):
    with pytest.raises((TypeError, ValueError), match=r"activation=dict\(type='SignSTE'"):
        layer(activation=cfg)


class Shifted(SignSTE):
    def __init__(self, channels):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(channels))


def test_a_binarizer_that_asks_for_its_channels_gets_them():
    assert build_activation(dict(type=Shifted), 4).shift.shape == (4,)
    assert build_activation(dict(type=Shifted, channels=2), 4).shift.shape == (2,)
    grouped = BinaryConv2d(4, 8, 3, groups=2, activation=dict(type=Shifted))
    assert grouped.activation.shift.shape == (4,)


def test_the_old_name_of_the_weight_rule_still_works_alone():
    rule = dict(type='RealWeight')
    assert type(layer(weight_scale=rule).weight_rule) is type(layer(weight_rule=rule).weight_rule)
    with pytest.raises(ValueError, match='old name of weight_rule.*Write weight_rule='):
        layer(weight_rule=rule, weight_scale=dict(type='ChannelMean'))
