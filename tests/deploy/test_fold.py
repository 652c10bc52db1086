"""Norms are folded where they run right behind a layer, and nowhere else."""

import copy
import itertools

import pytest
import torch
from deploy.packing import settled
from mmcv.cnn import ConvModule
from torch import nn

from surge_mmdet.deploy.fold import fold_norms
from surge_mmdet.models import BinaryResNet

ORDERS = list(itertools.permutations(('conv', 'norm', 'act')))


@pytest.mark.parametrize('order', ORDERS, ids='-'.join)
def test_a_conv_module_of_any_order_keeps_its_values(order):
    module = settled(ConvModule(8, 8, 3, norm_cfg=dict(type='BN'), order=order))
    x = torch.randn(2, 8, 9, 9)
    with torch.no_grad():
        want = module(x)
        found = fold_norms(module)(x)
    torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-5)
    assert isinstance(module.norm, nn.Identity) == (order.index('norm') == order.index('conv') + 1)


class Between(nn.Module):
    """Something happens between what is registered side by side."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x):
        return self.norm(self.conv(x) + x)


def test_a_forward_that_nobody_knows_keeps_its_norms():
    module, x = settled(Between()), torch.randn(1, 4, 5, 5)
    with torch.no_grad():
        want = module(x)
        assert fold_norms(module)(x).equal(want)
    assert isinstance(module.norm, nn.BatchNorm2d)


def test_a_subclass_with_its_own_forward_keeps_its_stem():
    class Other(BinaryResNet):
        def forward(self, x):
            return super().forward(x)

    model = settled(Other(18, base_channels=16, stem_channels=16))
    plain = copy.deepcopy(model)
    fold_norms(model)
    assert isinstance(model.norm1, nn.BatchNorm2d)
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        for a, b in zip(model(x), plain(x), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
