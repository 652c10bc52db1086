"""Real convolutions of packed detectors are PyTorch's, but for rounding."""

import copy
import pickle

import pytest
import torch
from torch import nn

from surge_mmdet.deploy.fused.real_conv import RealConv2d

CONVOLUTIONS = {
    '1x1': nn.Conv2d(5, 7, 1),
    '1x1, stride 2, no bias': nn.Conv2d(5, 7, 1, 2, bias=False),
    '1x1, padding': nn.Conv2d(5, 7, 1, padding=1),
    '1x1, groups': nn.Conv2d(6, 4, 1, groups=2),
    '3x3': nn.Conv2d(5, 7, 3, padding=1),
    '3x3, dilation': nn.Conv2d(5, 7, 3, padding=2, dilation=2, bias=False),
    'depthwise': nn.Conv2d(6, 6, 3, groups=6),
    '7x7, stride 2': nn.Conv2d(3, 4, 7, (2, 1), 3),
}


@pytest.mark.parametrize('name', CONVOLUTIONS)
@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_values_are_pytorchs(name, layout):
    conv = CONVOLUTIONS[name].to(memory_format=layout)
    assert RealConv2d.fits(conv)
    twin = RealConv2d.of(conv)
    with torch.no_grad():
        for shape in ((2, 9, 11), (1, 7, 7), (2, 8, 12), (0, 9, 9)):  # sizes change between calls
            x = torch.randn(shape[0], conv.in_channels, *shape[1:]).to(memory_format=layout)
            y = twin(x)
            assert not len(x) or y.is_contiguous(memory_format=torch.channels_last)
            torch.testing.assert_close(y, conv(x), rtol=1e-5, atol=1e-5)


def test_it_is_the_same_layer():
    conv = CONVOLUTIONS['3x3']
    twin = RealConv2d.of(conv)
    assert twin.weight is conv.weight and list(twin.state_dict()) == ['weight', 'bias']


@pytest.mark.parametrize('name', ['1x1', '3x3'])
def test_new_weights_are_used(name):
    twin, x = RealConv2d.of(copy.deepcopy(CONVOLUTIONS[name])), torch.randn(1, 5, 6, 6)
    with torch.no_grad():
        before = twin(x)
        zeros = {key: torch.zeros_like(value) for key, value in twin.state_dict().items()}
        copied, loaded = copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))
        twin.load_state_dict(zeros)
        assert not twin(x).any() and copied(x).equal(before) and loaded(x).equal(before)


def test_without_onednn_it_is_plain_pytorch(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, 'is_available', lambda: False)
    conv, x = CONVOLUTIONS['3x3'], torch.randn(1, 5, 6, 6)
    with torch.no_grad():
        assert RealConv2d.of(conv)(x).equal(conv(x.contiguous(memory_format=torch.channels_last)))


def test_what_it_leaves_alone():
    class Own(nn.Conv2d):
        pass

    odd = (
        Own(3, 3, 1),
        nn.Conv2d(3, 3, 3, padding=1, padding_mode='reflect'),
        nn.Conv2d(3, 3, 3, padding='same'),
        nn.Conv2d(3, 3, 1).double(),
    )
    assert not any(map(RealConv2d.fits, odd))


def test_an_operator_that_pytorch_took_away_costs_speed_alone(monkeypatch, caplog):
    def gone(*args):
        raise RuntimeError('no such overload')

    monkeypatch.setattr(torch._C._nn, 'mkldnn_reorder_conv2d_weight', gone)
    twin, x = RealConv2d.of(CONVOLUTIONS['3x3']), torch.randn(1, 5, 6, 6)
    with torch.no_grad():
        for _ in range(3):
            torch.testing.assert_close(twin(x), CONVOLUTIONS['3x3'](x), rtol=1e-5, atol=1e-5)
    assert sum('no such overload' in record.message for record in caplog.records) == 1
