from collections import OrderedDict

import pytest
from torch import nn

from surge_mmdet.models import binarize, layer_rows, policy_table


@pytest.fixture
def model():
    backbone = nn.Sequential(OrderedDict(
        stem=nn.Conv2d(3, 4, 3), conv=nn.Conv2d(4, 4, 3, bias=False),
        plain=nn.Conv2d(4, 8, 1)))
    binarize(backbone, dict(overrides=dict(plain=dict(surge=None))),
             dict(stem='reads the image'))
    return nn.Sequential(OrderedDict(
        backbone=backbone, norm=nn.BatchNorm2d(8), head=nn.Linear(8, 5)))


def test_every_convolution_and_linear_layer_has_a_row(model):
    rows = {row.name: row for row in layer_rows(model)}
    assert list(rows) == ['backbone.stem', 'backbone.conv', 'backbone.plain',
                          'head']
    assert rows['backbone.stem'] == (
        'backbone.stem', 'Conv2d', 32, 32, 108, '', 'reads the image')
    assert rows['backbone.conv'] == (
        'backbone.conv', 'BinaryConv2d', 1, 1, 144, 'eta=0.3', '')
    assert rows['backbone.plain'].surge == 'off'
    assert rows['head'].reason == 'outside every policy'


def test_table_is_aligned_and_counts(model):
    *table, summary = policy_table(model).splitlines()
    column = table[0].index('bits W/A')
    assert [line[column:].split()[0] for line in table[1:]] == [
        '32/32', '1/1', '1/1', '32/32']
    assert all(line == line.rstrip() for line in table)
    assert summary == '2 of 4 layers binary, 176 of 324 weights in 1 bit'


def test_module_with_its_own_policy_has_no_leading_dot(model):
    names = [row.name for row in layer_rows(model.backbone)]
    assert names == ['stem', 'conv', 'plain']
    assert layer_rows(model.backbone)[0].reason == 'reads the image'


def test_model_without_policy(model):
    text = policy_table(nn.Sequential(nn.Linear(2, 3)))
    assert '0 of 1 layers binary, 0 of 6 weights in 1 bit' in text
