"""Binarizers and weight rules from config, and what the errors say."""

import pytest

from surge_mmdet.binarizers import ChannelMean, SignPolynomial, SignSTE
from surge_mmdet.binarizers.build import build_activation, build_weight_scale
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
    assert type(build_activation(dict(type=kind))) is cls


def test_weight_scale_is_built_by_name():
    rule = build_weight_scale(dict(type='ChannelMean'))
    assert type(rule) is ChannelMean


def test_options_are_handed_on_and_the_dict_is_kept():
    cfg = dict(type='SignSTE', clip=0.5)
    assert build_activation(cfg).clip == 0.5
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
    assert 'SignPolynomial, SignSTE' in str(info.value)


@pytest.mark.parametrize('wrong', ['channel_mean', 'Mean', 'SignSTE'])
def test_unknown_weight_scale_is_refused_with_the_line(wrong):
    with pytest.raises(ValueError, match=r"weight_scale=dict\(type='ChannelMean'\)"):
        layer(weight_scale=dict(type=wrong))


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
