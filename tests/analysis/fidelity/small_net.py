"""Two binary layers with SURGE, and a loss of theirs."""

import torch
from torch import nn

from surge_mmdet.layers import BinaryConv2d


def noise(seed=1):
    return torch.Generator().manual_seed(seed)


def binary_net(aux_factor=1.0, eta=0.1):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        BinaryConv2d(8, 8, 3, padding=1, surge=dict(eta=eta)),
        nn.PReLU(),
        BinaryConv2d(8, 4, 3, padding=1, surge=dict(eta=eta)),
    )
    for layer in (net[1], net[3]):
        layer.start()
        with torch.no_grad():
            layer.aux_weight.copy_(aux_factor * layer.weight)
    x, target = torch.randn(2, 3, 8, 8), torch.randn(2, 4, 8, 8)
    return net, lambda: (net(x) - target).square().mean() * 100
