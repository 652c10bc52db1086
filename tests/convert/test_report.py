from collections import OrderedDict

import pytest
from torch import nn

from surge_mmdet.convert import (
    binarize,
    layer_rows,
    policy_summary,
    policy_table,
)
from surge_mmdet.layers import BinaryConv2d


@pytest.fixture
def model():
    backbone = nn.Sequential(
        OrderedDict(
            stem=nn.Conv2d(3, 4, 3), conv=nn.Conv2d(4, 4, 3, bias=False), plain=nn.Conv2d(4, 8, 1)
        )
    )
    binarize(backbone, dict(overrides=dict(plain=dict(surge=None))), dict(stem='reads the image'))
    return nn.Sequential(
        OrderedDict(backbone=backbone, norm=nn.BatchNorm2d(8), head=nn.Linear(8, 5))
    )


def test_every_convolution_and_linear_layer_has_a_row(model):
    rows = {row.name: row for row in layer_rows(model)}
    assert list(rows) == ['backbone.stem', 'backbone.conv', 'backbone.plain', 'head']
    assert rows['backbone.stem'] == ('backbone.stem', 'Conv2d', 32, 32, 108, '', 'reads the image')
    assert rows['backbone.conv'] == ('backbone.conv', 'BinaryConv2d', 1, 1, 144, 'eta=0.1', '')
    assert rows['backbone.plain'].surge == 'off'
    assert rows['head'].reason == 'outside every policy'


def test_table_is_aligned_and_counts(model):
    head, *table = policy_table(model).splitlines()[:5]
    column = head.index('bits W/A')
    assert [line[column:].split()[0] for line in table] == ['32/32', '1/1', '1/1', '32/32']
    assert all(line == line.rstrip() for line in table)
    assert policy_table(model).endswith(policy_summary(model))


def test_summary_groups_real_layers_by_reason(model):
    model.extra = nn.Conv2d(1, 2, 3)
    model.policy_activations = {'a': 'ReLU -> PReLU', 'b': 'ReLU -> PReLU'}
    assert policy_summary(model).splitlines() == [
        '2 of 5 layers binary, 176 of 342 weights in 1 bit',
        '  1 real  108 weights  reads the image',
        '  2 real  58 weights   outside every policy',
        '  2 ReLU -> PReLU: behind a one-sided activation every sign is +1',
    ]


def test_shared_layer_counts_once():
    conv = nn.Conv2d(2, 2, 1)
    module = nn.ModuleDict(dict(a=nn.Sequential(conv), b=nn.Sequential(conv)))
    binarize(module, {})
    assert [row.name for row in layer_rows(module)] == ['a.0']
    assert '1 of 1 layers binary, 4 of 4 weights' in policy_summary(module)


def test_kinds_of_layers_that_have_a_row():
    module = nn.Sequential(
        nn.ConvTranspose2d(2, 3, 2), nn.Embedding(4, 5), nn.BatchNorm2d(3), nn.Conv2d(1, 1, 1)
    )
    assert [row.kind for row in layer_rows(module)] == ['ConvTranspose2d', 'Conv2d']


def test_real_weights_beside_binary_activations():
    module = nn.Sequential(nn.Conv2d(2, 2, 1))
    binarize(module, dict(layer=dict(weight_rule=dict(type='RealWeight'))))
    row = layer_rows(module)[0]
    assert (row.weight_bits, row.activation_bits) == (32, 1)
    assert policy_summary(module) == ('1 of 1 layers binary, 0 of 4 weights in 1 bit')


def test_module_with_its_own_policy_has_no_leading_dot(model):
    names = [row.name for row in layer_rows(model.backbone)]
    assert names == ['stem', 'conv', 'plain']
    assert layer_rows(model.backbone)[0].reason == 'reads the image'


def test_model_without_policy(model):
    text = policy_table(nn.Sequential(nn.Linear(2, 3)))
    assert '0 of 1 layers binary, 0 of 6 weights in 1 bit' in text


def test_binary_layer_never_has_the_reason_of_a_real_one(model):
    own = model.backbone.policy_decisions
    conv = model.backbone.stem
    model.backbone.stem = BinaryConv2d.from_float(conv)  # behind its back
    assert not own['stem'].binary
    row = layer_rows(model)[0]
    assert (row.weight_bits, row.reason) == (1, '')
    model.backbone.conv = nn.Conv2d(4, 4, 3, bias=False)
    assert layer_rows(model)[1].reason == 'outside every policy'
