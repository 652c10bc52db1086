import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from surge_mmdet.layers import BinaryLinear
from surge_mmdet.registry import MODELS


def layer(**kwargs):
    torch.manual_seed(3)
    return BinaryLinear(6, 4, **kwargs)


def signs(x):
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('shape', [(6,), (5, 6), (2, 3, 6)])
def test_forward_is_the_real_product_of_signs(training, shape):
    fc = layer().train(training)
    x = torch.randn(shape)
    alpha = fc.weight.abs().mean(1, keepdim=True)
    want = F.linear(signs(x), alpha * signs(fc.weight), fc.bias)
    torch.testing.assert_close(fc(x), want)
    assert fc(x).shape == (*shape[:-1], 4)


def test_an_empty_batch_passes():
    fc = layer()
    x = torch.zeros(0, 6, requires_grad=True)
    fc(x).sum().backward()
    assert x.grad.shape == (0, 6) and not fc.aux_weight.grad.any()


def test_gradients_hold_the_auxiliary_path():
    fc = layer(surge=dict(eta=0.5))
    x = (torch.randn(8, 6) * 2).requires_grad_()
    delta = torch.randn(8, 4)
    fc(x).backward(delta)
    alpha = fc.weight.abs().mean(1, keepdim=True)
    g_b = (delta @ (alpha * signs(fc.weight))).detach()
    g_b[x.abs() > 1] = 0
    g_a = (delta @ fc.aux_weight).detach()
    scale = 0.5 * g_b.norm() / g_a.norm()
    torch.testing.assert_close(x.grad, g_b + scale * g_a)
    torch.testing.assert_close(fc.aux_weight.grad, scale * delta.t() @ x)
    torch.testing.assert_close(fc.weight.grad, delta.t() @ signs(x))
    torch.testing.assert_close(fc.bias.grad, delta.sum(0))


def test_evaluation_needs_no_auxiliary_weight():
    fc = layer().eval()
    x = torch.randn(3, 6)
    before = fc(x)
    with torch.no_grad():
        fc.aux_weight.fill_(float('nan'))
    assert fc(x).equal(before)


@pytest.mark.parametrize('options', [dict(), dict(surge=None)])
def test_from_float_shares_the_parameters(options):
    real = nn.Linear(6, 4, bias=False, dtype=torch.float64).eval()
    fc = BinaryLinear.from_float(real, **options)
    assert fc.weight is real.weight and fc.bias is None
    assert not fc.training and fc.compensated == ('surge' not in options)
    if fc.compensated:
        assert fc.aux_weight.equal(real.weight)
        assert fc.aux_weight.dtype == torch.float64


@pytest.mark.parametrize('clone', [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_clone_computes_alike(clone):
    fc = layer()
    x = torch.randn(2, 6)
    assert clone(fc)(x).equal(fc(x))


def test_state_dict_round_trip():
    fc, other = layer(), BinaryLinear(6, 4)
    assert not other.weight.equal(fc.weight)
    other.load_state_dict(fc.state_dict())
    assert other.state_dict().keys() == fc.state_dict().keys()
    assert all(v.equal(fc.state_dict()[k]) for k, v in other.state_dict().items())


def test_autocast_computes_in_bfloat16_and_learns_in_float32():
    fc = layer()
    with torch.autocast('cpu', torch.bfloat16):
        out = fc(torch.randn(2, 6, requires_grad=True))
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    assert fc.weight.grad.dtype == fc.aux_weight.grad.dtype == torch.float32


def test_is_registered():
    assert MODELS.get('BinaryLinear') is BinaryLinear


def test_other_width_is_refused_with_the_corrected_line():
    with pytest.raises(ValueError, match=r'Write BinaryLinear\(5, 4\)'):
        layer()(torch.zeros(2, 5))
