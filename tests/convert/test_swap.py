"""The one way to replace modules."""

import torch
from torch import nn

from surge_mmdet.convert import swap
from surge_mmdet.layers import BinaryConv2d, BinaryLinear


def to_prelu(name, module):
    return nn.PReLU() if isinstance(module, nn.ReLU) else None


def test_a_shared_module_is_asked_for_once_and_replaced_everywhere():
    shared = nn.ReLU()
    net = nn.Sequential(shared, nn.Sequential(shared, nn.Linear(2, 2)))
    asked = []
    found = swap(net, lambda n, m: asked.append(n) or to_prelu(n, m))
    assert asked == ['0', '1', '1.1'] and list(found) == ['0']
    assert net[0] is net[1][0] is found['0'][1] and found['0'][0] is shared


def test_nothing_inside_a_replaced_module_is_asked_for():
    net = nn.Sequential(nn.Sequential(nn.ReLU()), nn.ReLU())
    found = swap(net, lambda n, m: nn.Identity() if n == '0' else to_prelu(n, m))
    assert list(found) == ['0', '1']
    assert isinstance(net[0], nn.Identity) and isinstance(net[1], nn.PReLU)


def test_the_order_of_the_modules_stays():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    swap(net, to_prelu)
    assert [type(m) for m in net] == [nn.Linear, nn.PReLU, nn.Linear]


def test_a_binary_layer_and_its_real_twin_share_their_parameters():
    for binary in (
        BinaryConv2d(4, 8, 3, 2, 1, 2, 2, padding_mode='reflect'),
        BinaryLinear(4, 8, bias=False),
    ):
        real = binary.eval().to_float()
        assert real.weight is binary.weight and real.bias is binary.bias
        assert not isinstance(real, (BinaryConv2d, BinaryLinear)) and not real.training
        again = type(binary).from_float(real, surge=None)
        x = torch.randn(2, 4, 9, 9) if isinstance(real, nn.Conv2d) else torch.randn(2, 4)
        assert real(x).shape == binary(x).shape
        assert again.weight is binary.weight and again(x).equal(binary(x))


def test_a_twin_differs_in_the_named_options_only():
    layer = BinaryConv2d(4, 8, 3, activation=dict(type='SignPolynomial'), surge=dict(eta=0.1))
    plain = layer.twin(surge=None)
    assert plain.weight is layer.weight and not plain.compensated and layer.compensated
    assert type(plain.activation) is type(layer.activation)
    assert layer.twin().ags.eta == 0.1 and layer.twin().aux_weight is layer.aux_weight
    assert layer.twin(surge=dict(eta=0.2)).aux_weight is not layer.aux_weight
