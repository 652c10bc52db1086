"""The sign function and the autograd shell around the surrogates."""
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers import (
    ActivationBinarizer,
    SignPolynomial,
    SignSTE,
    binary_sign,
)

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
BINARIZERS = (SignSTE, SignPolynomial)


@pytest.mark.parametrize('dtype', DTYPES)
def test_both_zeros_become_plus_one(dtype):
    zeros = torch.tensor([0.0, -0.0], dtype=dtype)
    assert torch.equal(binary_sign(zeros), torch.ones(2, dtype=dtype))


def test_infinities_have_a_sign_and_nan_counts_as_not_positive():
    x = torch.tensor([float('inf'), -float('inf'), float('nan')])
    assert binary_sign(x).tolist() == [1, -1, -1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_sign_is_plus_one_exactly_where_x_is_not_negative(values):
    signs = binary_sign(torch.tensor(values, dtype=torch.float32))
    assert signs.tolist() == [1.0 if v >= 0 else -1.0 for v in values]


@pytest.mark.parametrize('cls', BINARIZERS)
def test_forward_is_the_sign_with_and_without_gradient(cls):
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    expected = binary_sign(x.detach())
    assert torch.equal(cls()(x).detach(), expected)
    assert torch.equal(cls()(x.detach()), expected)


@pytest.mark.parametrize('cls', BINARIZERS)
def test_backward_is_the_stated_surrogate(cls):
    x = torch.randn(50, requires_grad=True)
    delta = torch.randn(50)
    cls()(x).backward(delta)
    assert torch.equal(x.grad, cls().surrogate_grad(delta, x.detach()))


@pytest.mark.parametrize('cls', BINARIZERS)
def test_surrogate_changes_neither_argument(cls):
    x, delta = torch.randn(20), torch.randn(20)
    before = x.clone(), delta.clone()
    cls().surrogate_grad(delta, x)
    assert torch.equal(x, before[0]) and torch.equal(delta, before[1])


@pytest.mark.parametrize('cls', BINARIZERS)
def test_surrogate_has_the_dtype_of_the_gradient(cls):
    delta = torch.randn(20, dtype=torch.bfloat16)
    assert cls().surrogate_grad(delta, torch.randn(20)).dtype == delta.dtype


def test_a_binarizer_without_a_surrogate_cannot_be_built():
    class Incomplete(ActivationBinarizer):
        pass

    with pytest.raises(TypeError, match='surrogate_grad'):
        Incomplete()
