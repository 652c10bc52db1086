"""The clipped straight-through estimator against its closed form."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers import SignSTE


def surrogate(values, clip=1.0):
    x = torch.tensor(values, dtype=torch.float64)
    return SignSTE(clip).surrogate_grad(torch.ones_like(x), x)


def test_gradient_passes_up_to_and_including_the_edge():
    above = 1 + 1e-12
    slopes = surrogate([-above, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, above])
    assert slopes.tolist() == [0, 1, 1, 1, 1, 1, 1, 0]


@settings(max_examples=30, deadline=None)
@given(st.floats(-5, 5), st.floats(0.01, 4), st.floats(-3, 3))
def test_gradient_is_delta_times_the_window(value, clip, delta):
    x = torch.tensor([value], dtype=torch.float64)
    grad = SignSTE(clip).surrogate_grad(torch.full_like(x, delta), x)
    assert grad.item() == (delta if abs(value) <= clip else 0.0)


def test_surrogate_is_the_slope_of_the_clipped_identity():
    x = torch.linspace(-2, 2, 101, dtype=torch.float64) + 0.005
    step = 1e-6
    rise = (x + step).clamp(-1, 1) - (x - step).clamp(-1, 1)
    torch.testing.assert_close(surrogate(x.tolist()), rise / (2 * step), atol=1e-8, rtol=0)


def test_infinite_gradient_outside_the_window_is_dropped():
    x = torch.tensor([2.0, 0.5])
    delta = torch.tensor([float('inf'), 1.0])
    assert SignSTE().surrogate_grad(delta, x).tolist() == [0, 1]


@pytest.mark.parametrize('clip', [0, -1.0, float('nan'), float('inf')])
def test_a_window_without_width_is_refused_with_the_line(clip):
    with pytest.raises(ValueError, match=r"dict\(type='SignSTE', clip=1.0\)"):
        SignSTE(clip)
