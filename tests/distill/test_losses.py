"""Distillation losses: published values, what they do not see, bad input."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.distill import CWD, PKD
from surge_mmdet.losses import Context, View

LOSSES = (PKD, CWD)


def context(student: list, teacher: list) -> Context:
    return Context(View(student), View(teacher))


def maps(seed: int = 0, *shape, dtype=torch.double):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape or (2, 3, 4, 5), generator=generator, dtype=dtype)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(0.1, 9), st.floats(-5, 5))
def test_pkd_sees_neither_scale_nor_offset(seed, scale, offset):
    teacher = maps(seed)
    assert PKD(6.0)(context([scale * teacher + offset], [teacher])).item() == pytest.approx(
        0, abs=1e-5
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999))
def test_pkd_is_one_minus_the_correlation(seed):
    student, teacher = maps(seed), maps(seed + 1000)
    n = student[:, 0].numel()
    each = [
        torch.corrcoef(torch.stack([student[:, c].flatten(), teacher[:, c].flatten()]))[0, 1]
        for c in range(3)
    ]
    want = 6 * (1 - torch.stack(each).mean()) * (n - 1) / n
    assert PKD(6.0)(context([student], [teacher])).item() == pytest.approx(want.item(), rel=1e-5)


def test_pkd_of_opposite_maps():
    teacher = maps()
    n = teacher[:, 0].numel()
    assert PKD(6.0)(context([-teacher], [teacher])).item() == pytest.approx(
        12 * (n - 1) / n, rel=1e-5
    )


def test_a_dead_channel_gives_a_bounded_gradient():
    student = torch.full((2, 3, 4, 5), 0.5, requires_grad=True)
    PKD(1.0)(context([student], [maps(dtype=torch.float)])).backward()
    assert student.grad.isfinite().all() and student.grad.abs().max() < 1e3


def test_cwd_is_the_divergence_of_the_softmax():
    teacher = torch.tensor([0.0, math.log(3)]).view(1, 1, 1, 2)
    loss = CWD(10.0, normalize=False)(context([torch.zeros(1, 1, 1, 2)], [teacher]))
    assert loss.item() == pytest.approx(1.30812, abs=1e-5)


@pytest.mark.parametrize('tau', [0.5, 1.0, 4.0])
def test_cwd_against_the_sum_written_out(tau):
    s, t = maps(1), maps(2)
    p = torch.softmax(t.flatten(2) / tau, -1)
    q = torch.softmax(s.flatten(2) / tau, -1)
    want = tau**2 * (p * (p / q).log()).sum() / 6
    found = CWD(1.0, tau=tau, normalize=False)(context([s], [t]))
    assert found.item() == pytest.approx(want.item(), rel=1e-4)


def test_normalised_cwd_does_not_depend_on_the_units():
    s, t = maps(1), maps(2)
    loss = CWD()
    assert loss(context([7 * s], [7 * t])).item() == pytest.approx(
        loss(context([s], [t])).item(), rel=1e-4
    )


@pytest.mark.parametrize('kind', LOSSES)
def test_the_mean_over_the_chosen_levels_times_the_weight(kind):
    student, teacher = [maps(i) for i in range(3)], [maps(i + 10) for i in range(3)]
    each = [kind(1.0, levels=[i])(context(student, teacher)).item() for i in range(3)]
    assert kind(2.0)(context(student, teacher)).item() == pytest.approx(2 * sum(each) / 3)
    assert kind(1.0, levels=[0, -1])(context(student, teacher)).item() == pytest.approx(
        (each[0] + each[2]) / 2
    )


@pytest.mark.parametrize('kind, weight, levels', [(PKD, 6, 4), (PKD, 10, 4), (CWD, 10, 5)])
def test_published_code_has_that_weight_on_each_level(kind, weight, levels):
    """It adds one loss per level: 24 here is the 6 of PKD's, 50 the 10 of CWD's."""
    student, teacher = [maps(i) for i in range(levels)], [maps(i + 10) for i in range(levels)]
    each = [kind(weight)(context([s], [t])).item() for s, t in zip(student, teacher, strict=True)]
    found = kind(weight * levels)(context(student, teacher)).item()
    assert found == pytest.approx(sum(each))


@pytest.mark.parametrize('kind', LOSSES)
def test_computes_in_float32_under_autocast(kind):
    student = maps(dtype=torch.float).requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        loss = kind()(context([student.bfloat16()], [maps(5).bfloat16()]))
    loss.backward()
    assert loss.dtype == torch.float and student.grad.isfinite().all()


@pytest.mark.parametrize('kind', LOSSES)
def test_maps_that_do_not_fit_are_refused(kind):
    with pytest.raises(ValueError, match='map 0 is .*Take a teacher with the same neck: its out_'):
        kind()(context([maps()], [maps(0, 2, 4, 4, 5)]))
    with pytest.raises(ValueError, match=r'have 1 maps in common. Write levels=\[0\]'):
        kind(levels=[0, 1])(context([maps()], [maps()]))


def test_wrong_options_show_the_line():
    with pytest.raises(ValueError, match='weight must be a number and not negative.*Write dict'):
        PKD(-1.0)
    with pytest.raises(ValueError, match='tau must be positive.*Write dict'):
        CWD(tau=0)
