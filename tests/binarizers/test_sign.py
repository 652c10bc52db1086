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
    pass_within,
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


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize('clip', [1.0, 0.7, 1e-3, 3.0])
def test_gradient_passes_up_to_the_clip_and_not_beyond(dtype, clip):
    edge = torch.tensor(clip, dtype=dtype)
    if edge > clip:  # the clip itself is no number of this type
        edge = torch.nextafter(edge, torch.zeros((), dtype=dtype))
    above = torch.nextafter(edge, torch.tensor(float('inf'), dtype=dtype))
    x = torch.stack([edge, -edge, above, -above, 0 * edge, 100 * above])
    gradient = torch.arange(1, 7, dtype=dtype)
    want = [1, 2, 0, 0, 5, 0]
    assert pass_within(gradient, x, clip).tolist() == want


def test_gradient_and_input_may_differ_in_type():
    got = pass_within(torch.ones(2, dtype=torch.bfloat16), torch.tensor([0.5, 2.0]), 1.0)
    assert got.dtype == torch.bfloat16 and got.tolist() == [1, 0]


def test_what_is_stopped_is_zero_even_if_infinite():
    gradient = torch.tensor([float('inf'), float('nan'), 1.0])
    x = torch.tensor([2.0, -2.0, 2.0])
    assert pass_within(gradient, x, 1.0).tolist() == [0, 0, 0]


def test_the_sign_can_be_traced():
    x = torch.tensor([-2.0, -0.0, 0.0, 3.0])
    traced = torch.jit.trace(binary_sign, (x,))
    assert 'out' not in str(traced.graph)
    assert traced(-x).tolist() == binary_sign(-x).tolist() == [1, 1, 1, -1]
