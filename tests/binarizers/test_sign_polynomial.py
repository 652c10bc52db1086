"""The piecewise polynomial surrogate against Bi-Real Net's function."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers import SignPolynomial


def slope(x):
    return SignPolynomial().surrogate_grad(torch.ones_like(x), x)


def approx_sign(x):
    """Bi-Real Net, equation 5: what replaces sign in the backward pass."""
    inner = torch.where(x < 0, 2 * x + x * x, 2 * x - x * x)
    return torch.where(x.abs() < 1, inner, torch.where(x < 0, -1.0, 1.0))


def test_known_values():
    x = torch.tensor([-2.0, -1.0, -0.75, -0.0, 0.0, 0.25, 1.0, 3.0])
    assert slope(x).tolist() == [0, 0, 0.5, 2, 2, 1.5, 0, 0]


@settings(max_examples=30, deadline=None)
@given(st.floats(-4, 4), st.floats(-3, 3))
def test_gradient_is_delta_times_the_closed_form(value, delta):
    x = torch.tensor([value], dtype=torch.float64)
    grad = SignPolynomial().surrogate_grad(torch.full_like(x, delta), x)
    assert abs(grad.item() - delta * max(2 - 2 * abs(value), 0)) < 1e-14


def test_surrogate_is_the_derivative_of_the_piecewise_polynomial():
    # Half a grid step off the kinks at -1, 0 and 1.
    x = torch.linspace(-2, 2, 101, dtype=torch.float64) + 0.02
    step = 1e-5
    rise = approx_sign(x + step) - approx_sign(x - step)
    torch.testing.assert_close(slope(x), rise / (2 * step), atol=1e-9, rtol=0)


def test_its_area_is_the_jump_of_the_sign():
    x = torch.linspace(-1.5, 1.5, 3001, dtype=torch.float64)
    assert abs(torch.trapezoid(slope(x), x).item() - 2.0) < 1e-6
