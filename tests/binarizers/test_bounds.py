"""Learned values that stay in a range, and what may bring them back to its inside."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers.bounds import positive, within

LEAST = 1e-3


def value(*values):
    return torch.tensor(values, dtype=torch.double, requires_grad=True)


@settings(deadline=None)
@given(st.floats(1e-3, 1e3))
def test_a_positive_value_is_what_it_was_and_so_is_its_gradient(size):
    for dtype in (torch.float, torch.double):
        v = torch.tensor([size], dtype=dtype).clamp(min=LEAST).requires_grad_()
        out = positive(v, LEAST)
        out.backward(torch.tensor([3.0], dtype=dtype))
        assert torch.equal(out, v) and v.grad.item() == 3


def test_the_gradient_carries_the_sign_even_below_the_least():
    v = value(-2.0, -1e-4, -0.0, 0.0, 1e-4, 2.0)
    out = positive(v, LEAST)
    assert out.tolist() == [2, LEAST, LEAST, LEAST, LEAST, 2]
    (gradient,) = torch.autograd.grad(out, v, torch.full_like(v, 3.0))
    assert gradient.tolist() == [-3, -3, 3, 3, 3, 3]


def test_it_is_the_derivative_of_the_size_away_from_zero():
    assert torch.autograd.gradcheck(lambda v: positive(v, LEAST), value(-2.0, -0.3, 0.1, 5.0))


def test_what_is_not_a_number_stays_none():
    assert positive(value(math.nan), LEAST).isnan().all()
    assert within(value(math.nan), -1.0, 1.0).isnan().all()


@pytest.mark.parametrize('start, pull', [(-9.0, -1.0), (9.0, 1.0)])
def test_a_value_outside_returns_but_is_not_pushed_further(start, pull):
    v = value(start)
    edge = math.copysign(1.0, start)
    for direction, moved in ((pull, True), (-pull, False)):
        out = within(v, -1.0, 1.0)
        assert out.item() == edge
        (gradient,) = torch.autograd.grad(out, v, torch.full_like(v, direction))
        assert gradient.item() == (direction if moved else 0)


@settings(deadline=None)
@given(st.floats(-1, 1))
def test_inside_nothing_changes(size):
    v = torch.tensor([size], requires_grad=True)  # in float32, the edges too
    out = within(v, -1.0, 1.0)
    out.backward(torch.full_like(v, -2.0))
    assert torch.equal(out, v) and v.grad.item() == -2


def test_one_side_may_be_open():
    v = value(-3.0, 7.0)
    assert within(v, low=-1.0).tolist() == [-1, 7]
    assert torch.autograd.gradcheck(lambda v: within(v, low=-1.0), value(-0.5, 7.0))
