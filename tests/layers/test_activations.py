import pytest
import torch
from torch import nn

from surge_mmdet.layers import RPReLU
from surge_mmdet.layers.activations import build_act_layer


def test_slopes_are_per_channel():
    assert build_act_layer(dict(type='PReLU'), 5).weight.shape == (5,)
    assert build_act_layer(dict(type='RPReLU'), 5).shift_in.shape == (5,)
    shared = build_act_layer(dict(type='PReLU', num_parameters=1), 5)
    assert shared.weight.shape == (1,)


@pytest.mark.parametrize('name', ['RPReLU', 'surge_mmdet.RPReLU'])
def test_rprelu_needs_no_scope(name):
    assert type(build_act_layer(dict(type=name), 2)) is RPReLU


def test_hardtanh_is_torchs():
    act = build_act_layer(dict(type='Hardtanh', max_val=2.0), 4)
    assert act(torch.tensor([-3.0, 0.5, 3.0])).tolist() == [-1.0, 0.5, 2.0]


def test_none_is_the_identity():
    assert type(build_act_layer(None, 3)) is nn.Identity


@pytest.mark.parametrize('name', ['ReLU', 'ReLU6'])
def test_relu_is_refused_with_the_corrected_line(name):
    with pytest.raises(ValueError, match='Write act_cfg=dict'):
        build_act_layer(dict(type=name), 3)


@pytest.mark.parametrize(
    'cfg, error', [('PReLU', TypeError), (dict(num=1), TypeError), (dict(type='Prelu'), ValueError)]
)
def test_what_is_no_activation_is_refused_with_the_line(cfg, error):
    with pytest.raises(error, match='Write act_cfg=dict'):
        build_act_layer(cfg, 3)
