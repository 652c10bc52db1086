"""Rules with a loss, a step or an epoch of their own: published points, formulas, limits."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from surge_mmdet.binarizers import (
    BONN,
    RBNN,
    RBONN,
    SLB,
    AdaBinWeight,
    BiPer,
    OvSW,
    SignDistributionLoss,
    binary_sign,
    build_weight_rule,
)
from surge_mmdet.binarizers.weights.rbnn import near_square

SHAPE = (4, 3, 3, 3)
SEEDS = given(seed=st.integers(0, 999))
FEW = settings(max_examples=15, deadline=None)


def build(kind, shape=SHAPE, **options):
    return build_weight_rule(dict(type=kind, **options), shape).double()


def weights(seed=0, shape=SHAPE, size=1.0):
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(shape, generator=generator, dtype=torch.double)


def parameter(values):
    return nn.Parameter(torch.as_tensor(values, dtype=torch.double))


def wide(values, like):
    return values.view(-1, *[1] * (like.dim() - 1))


def ste(u, f):
    """sign(u) whose gradient is that of f."""
    return f + (binary_sign(u) - f).detach()


def gradients(output, leaves, g=None):
    return torch.autograd.grad(output, leaves, g, allow_unused=True)


def assert_same_gradients(rule, soft, w):
    w = w.clone().requires_grad_()
    g, leaves = weights(77, w.shape), [w, *rule.parameters()]
    for found, want in zip(
        gradients(rule(w), leaves, g), gradients(soft(w), leaves, g), strict=True
    ):
        torch.testing.assert_close(found, want, rtol=1e-6, atol=1e-9)


# OvSW


def test_ovsw_raises_a_small_gradient_to_the_least_ratio():
    rule, w = build(OvSW, (2, 2), decay=1e-30), parameter([[3.0, 4.0], [0.3, 0.4]])
    rule.start(w)
    w.grad = torch.tensor([[0.003, 0.004], [3.0, 4.0]], dtype=torch.double)
    rule.before_step(w)
    want = torch.tensor([[0.03, 0.04], [3.0, 4.0]], dtype=torch.double)
    torch.testing.assert_close(w.grad, want)


def test_ovsw_leaves_a_zero_gradient_and_a_broken_one_what_they_are():
    rule, w = build(OvSW, (2, 2), decay=1e-30), parameter([[3.0, 4.0], [0.3, 0.4]])
    w.grad = torch.tensor([[0.0, 0.0], [math.nan, 1.0]], dtype=torch.double)
    rule.before_step(w)
    torch.testing.assert_close(w.grad[0], 1e-30 * w.detach()[0])
    assert w.grad[1].isnan().all()  # so that the step is skipped


@FEW
@SEEDS
def test_ovsw_pulls_what_never_turned_and_forgives_what_did(seed):
    options = dict(least_ratio=1e-30, decay=0.5, silent=0.04, momentum=0.9)
    rule, w = build(OvSW, **options), nn.Parameter(weights(seed))
    rule.start(w)
    generator = torch.Generator().manual_seed(seed)
    tracker, before = torch.zeros_like(w), w >= 0
    for _ in range(12):
        w.data *= torch.where(torch.rand(w.shape, generator=generator) < 0.05, -1.0, 1.0)
        tracker = 0.9 * tracker + 0.1 * ((w >= 0) != before)
        before = w >= 0
        g = torch.randn(w.shape, generator=generator, dtype=torch.double)
        w.grad = g.clone()
        rule.before_step(w)
        torch.testing.assert_close(w.grad, g + 0.5 * w.detach() * (tracker < 0.04))
    assert 0 < (tracker < 0.04).double().mean() < 1
    torch.testing.assert_close(rule.tracker, tracker)


# RBNN


@pytest.mark.parametrize('shape', [SHAPE, (6, 5), (5, 8, 1, 1), (64, 64, 3, 3)])
def test_rotations_are_orthogonal_and_the_trace_never_falls(shape):
    rule, w = build(RBNN, shape, rounds=1), weights(1, shape, 0.02) + 0.01
    assert len(rule.left) * len(rule.right) == w[0].numel()
    traces = []
    for _ in range(5):
        traces.append(rule.transform(w).abs().sum().item())
        rule.before_epoch(w)
    for each in (rule.left, rule.right):
        unit = torch.eye(len(each), dtype=torch.double)
        torch.testing.assert_close(each.mT @ each, unit, atol=1e-9, rtol=0)
    assert traces == sorted(traces)
    if min(len(rule.left), len(rule.right)) > 1:
        assert traces[-1] > traces[0] * 1.001


def test_rows_are_as_many_as_the_largest_divisor_to_the_root():
    assert [near_square(n) for n in (576, 1152, 27, 12, 1)] == [
        (24, 24), (32, 36), (3, 9), (3, 4), (1, 1),
    ]  # fmt: skip


@FEW
@given(seed=st.integers(0, 999), progress=st.sampled_from([0.0, 0.5, 1.0]))
def test_rbnn_has_the_gradients_of_its_soft_form(seed, progress):
    rule = build(RBNN)
    rule.set_progress(progress)
    rule.start(weights(seed))
    rule.before_epoch(weights(seed))
    rule.angle.data.uniform_(0.3, 1.2)
    t = 1e-2 * 1000.0**progress
    k = max(1 / t, 1)

    def soft(w):
        flat = w.flatten(1)
        w = ((flat - flat.mean(1, keepdim=True)) / flat.std(1, keepdim=True)).view_as(w)
        rotated = (rule.left.T @ w.reshape(4, 3, 9) @ rule.right).view_as(w)
        u = w + wide(rule.angle.sin(), w) * (rotated - w)
        near = u.clamp(-math.sqrt(2) / t, math.sqrt(2) / t)
        curve = k * (math.sqrt(2) * t * near - near.sign() * t**2 * near**2 / 2)
        return wide(rule.alpha, w) * ste(u, curve)

    assert_same_gradients(rule, soft, weights(seed))


def test_an_angle_of_zero_leaves_the_standardised_weight():
    rule, w = build(RBNN), weights(3)
    rule.angle.data.zero_()
    torch.testing.assert_close(rule.transform(w), build('Libra').transform(w))


def test_rotations_start_alike_everywhere_and_leave_the_random_numbers_alone():
    torch.manual_seed(5)
    one = build(RBNN)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.rand(1).equal(drawn)
    torch.manual_seed(6)
    assert build(RBNN).left.equal(one.left)


def test_the_first_rotation_turns_about_half_of_the_signs():
    rule, w = build(RBNN, (64, 64, 3, 3)), weights(0, (64, 64, 3, 3))
    rule.before_epoch(w)
    turned = (rule.transform(w) >= 0) != (w >= w.mean((1, 2, 3), keepdim=True))
    assert 0.4 < turned.double().mean() < 0.6


def test_autocast_does_not_change_the_signs():
    rule = RBNN(64, (64, 64, 3, 3))
    w = torch.randn(64, 64, 3, 3)
    rule.before_epoch(w)
    exact = rule.transform(w)
    with torch.autocast('cpu', torch.bfloat16):
        assert rule.transform(w).equal(exact)


# RBONN


def test_rbonn_backtracks_filters_that_are_sparse_under_a_small_scale():
    """Sizes rank 0 1 2 3, scales rank 3 2 1 0: half of either leaves filters 2 and 3 dense."""
    rule = build(RBONN, (4, 1), sparse=0.5, backtrack=0.25)
    w = parameter([[0.1], [-0.2], [0.3], [0.4]])
    rule.alpha.data = torch.tensor([1.0, 4.0, 3.0, 2.0], dtype=torch.double)
    # Sparse are 0 and 1; 1/s is largest in 0 and 3.
    assert rule.backtracked(w).flatten().tolist() == [0.1, 0, 0, 0]
    w.grad = torch.ones_like(w)
    rule.before_step(w)
    torch.testing.assert_close(w.data.flatten()[:2], parameter([0.125, -0.2]).data)


@FEW
@SEEDS
def test_the_factor_learns_from_what_the_last_step_added(seed):
    rule, w = build(RBONN), nn.Parameter(weights(seed, size=0.5))
    rule.start(w)
    w.grad = torch.zeros_like(w)
    rule.before_step(w)
    g = weights(seed + 1)
    within = (w.detach().abs() <= 1) * g * wide(rule.alpha.detach(), w)
    found = gradients(rule(w), [w, rule.backtrack], g)
    torch.testing.assert_close(found[0], within)
    # u is 0.001 times what is learned, which starts at 1.
    torch.testing.assert_close(found[1], 1e-3 * (within * rule.kept).flatten(1).sum(1))
    assert rule(w).equal(wide(rule.alpha, w) * binary_sign(w))
    assert rule.kept.any()


@FEW
@SEEDS
def test_rbonn_loss_is_the_distance_of_weights_and_scaled_signs(seed):
    rule, w = build(RBONN, weight=0.2), weights(seed).requires_grad_()
    rule.alpha.data.uniform_(0.5, 2)
    scale = wide(rule.alpha, w)
    want = 0.1 * ((w - scale * w.detach().sign()) ** 2).sum()
    torch.testing.assert_close(rule.extra_loss(w), want)
    leaves = [w, rule.alpha]
    for found, expected in zip(
        gradients(rule.extra_loss(w), leaves), gradients(want, leaves), strict=True
    ):
        torch.testing.assert_close(found, expected)


# BONN


def test_bonn_loss_at_known_weights():
    rule = build(BONN, (1, 4), weight=2.0, modes=0.5)
    w = parameter([[1.0, 3.0, -2.0, -4.0]])
    rule.factor.data.fill_(0.5)
    # |sign - w/2|^2 = .25 + .25 + 0 + 1; on either side two of variance 1.
    torch.testing.assert_close(rule.extra_loss(w).item(), 1.5 + 0.5 * 4)
    (gradient,) = gradients(rule.extra_loss(w), [w])
    rebuilt = 2 * 0.5 * (0.5 * w.detach() - w.detach().sign())
    modes = 0.5 * 2 * torch.tensor([[-1.0, 1.0, 1.0, -1.0]], dtype=torch.double)
    torch.testing.assert_close(gradient, rebuilt + modes)


@FEW
@SEEDS
def test_bonn_has_the_gradients_of_its_soft_form(seed):
    rule, w = build(BONN), weights(seed)
    rule.start(w)
    alpha = w.abs().mean((1, 2, 3), keepdim=True)
    least = (w.abs().sum((1, 2, 3)) / w.square().sum((1, 2, 3))).view(-1)
    torch.testing.assert_close(rule.factor.data, least)

    def soft(w):
        u = wide(rule.factor, w) * w
        return alpha * ste(u, u)

    assert_same_gradients(rule, soft, w)


def test_a_side_with_one_weight_has_a_finite_loss():
    rule, w = build(BONN, (2, 3)), parameter([[1.0, -1.0, -2.0], [0.0, 0.0, 0.0]])
    rule.start(w)
    loss = rule.extra_loss(w)
    assert loss.isfinite() and all(g.isfinite().all() for g in gradients(loss, [w, rule.factor]))


# SLB


def test_slb_at_a_known_point():
    rule, w = build(SLB, (1, 1), t_start=1.0), parameter([[math.log(3)]])
    out = rule(w)
    assert out.item() == pytest.approx(0.5)
    assert gradients(out, [w])[0].item() == pytest.approx(0.375)


@FEW
@given(seed=st.integers(0, 999), progress=st.sampled_from([0.0, 0.5, 1.0]))
def test_slb_is_the_expected_value_of_a_softmax(seed, progress):
    rule, w = build(SLB), weights(seed, size=0.05)
    rule.set_progress(progress)
    rule.start(w)
    level = w.abs().mean((1, 2, 3), keepdim=True)
    t = 0.5 * (0.01 / 0.5) ** progress

    def soft(w):
        logits = torch.stack([w / level, torch.zeros_like(w)]) / t
        p = logits.softmax(0)
        return level * (p[0] - p[1])

    torch.testing.assert_close(rule(w), soft(w))
    assert_same_gradients(rule, soft, w)
    assert rule.eval()(w).equal(level * binary_sign(w))


def test_at_the_end_of_slb_nearly_all_weights_are_at_their_value():
    rule, w = build(SLB, (64, 64, 3, 3)), weights(0, (64, 64, 3, 3))
    rule.start(w)
    rule.set_progress(1.0)
    soft, hard = rule(w), rule.eval()(w)
    assert ((soft - hard).abs() < 0.05 * hard.abs()).double().mean() > 0.97


# BiPer


def test_biper_at_known_points():
    rule = build(BiPer, (1, 3))
    w = parameter([[0.05, 0.1, 0.2]])
    out = rule(w)
    torch.testing.assert_close(
        out.detach(), parameter([[0.841471, 0.909297, -0.756802]]).data, atol=1e-6, rtol=0
    )
    slope = parameter([[10.80605, -8.32294, -13.07287]]).data
    for progress in (0.0, 1.0):  # either stage
        rule.set_progress(progress)
        torch.testing.assert_close(gradients(rule(w).sum(), [w])[0], slope, atol=1e-5, rtol=0)
    assert rule(w).tolist() == rule.eval()(w).tolist() == [[1, 1, -1]]


@FEW
@given(seed=st.integers(0, 999), progress=st.sampled_from([0.0, 0.49, 0.5, 1.0]))
def test_biper_has_the_gradients_of_its_soft_form(seed, progress):
    rule, w = build(BiPer), weights(seed, size=0.05)
    rule.set_progress(progress)
    rule.start(w)

    def soft(w):
        u = torch.sin(20 * w)
        return wide(rule.alpha, w) * (u if progress < 0.5 else ste(u, u))

    torch.testing.assert_close(rule(w), soft(w))
    assert_same_gradients(rule, soft, w)


def test_bipers_loss_draws_the_sine_to_its_sign():
    rule, w = build(BiPer, (1, 1), weight=2.0), parameter([[0.05]])
    loss = rule.extra_loss(w)
    assert loss.item() == pytest.approx(2 * (1 - math.sin(1) ** 2))
    step = w - 1e-3 * gradients(loss, [w])[0]
    assert torch.sin(20 * step).abs() > torch.sin(20 * w).abs()


# AdaBin


def test_adabins_weights_have_the_levels_of_mean_and_deviation():
    rule, w = build(AdaBinWeight, (1, 4)), parameter([[3.0, 2.0, -1.0, 0.0]])
    high, low = 1 + 2.5**0.5, 1 - 2.5**0.5
    torch.testing.assert_close(rule(w).detach(), parameter([[high, high, low, low]]).data)


@FEW
@given(seed=st.integers(0, 999), progress=st.sampled_from([0.0, 0.5, 1.0]))
def test_adabins_weights_have_the_gradients_of_their_soft_form(seed, progress):
    rule, w = build(AdaBinWeight), weights(seed) + 0.3
    rule.set_progress(progress)
    t = 0.1 * 100**progress

    def soft(w):
        offset = w.mean((1, 2, 3), keepdim=True)
        distance = w.var((1, 2, 3), unbiased=False, keepdim=True).sqrt()
        u = (w - offset) / distance
        return distance * ste(u, max(1 / t, 1) * torch.tanh(t * u)) + offset

    assert_same_gradients(rule, soft, w)


def test_two_values_of_each_filter_stand_beside_the_bits():
    w = weights()
    assert build(AdaBinWeight).values_beside_bits(w) == 8
    assert build(SLB).values_beside_bits(w) == build('ChannelMean').values_beside_bits(w) == 4
    assert build('LayerMean').values_beside_bits(w) == 1


# The distribution loss


def channels(mean, spread):
    """Two values of this mean and (biased) standard deviation."""
    return torch.tensor([[mean - spread], [mean + spread]], dtype=torch.double)


@pytest.mark.parametrize(
    'mean, spread, loss',
    [
        (0.0, 1.0, 0.75**2),  # mismatch alone
        (2.0, 0.5, 1.5**2),  # degeneration alone
        (0.0, 6.0, 0.5**2),  # saturation alone
        (-2.0, 0.5, 1.5**2),
        (1.5, 2.0, 0.0),
    ],
)
def test_distribution_loss_at_known_moments(mean, spread, loss):
    rule = SignDistributionLoss(weight=3.0).double()
    assert rule.extra_loss(channels(mean, spread)).item() == pytest.approx(3 * loss, abs=1e-6)


def test_it_is_a_mean_over_channels_and_ends_in_time():
    rule = SignDistributionLoss(weight=1.0, until=0.9).double()
    x = torch.cat([channels(0.0, 1.0), channels(1.5, 2.0)], 1)
    assert rule.extra_loss(x).item() == pytest.approx(0.5625 / 2, abs=1e-6)
    maps = x.view(2, 2, 1, 1).expand(2, 2, 3, 3)
    torch.testing.assert_close(rule.extra_loss(maps), rule.extra_loss(x))
    for progress, share in ((0.89, 1), (0.9, 0)):
        rule.set_progress(progress)
        assert (rule.extra_loss(x) > 0) == share


@FEW
@given(seed=st.integers(0, 999), mean=st.sampled_from([-2.0, 0.1, 1.5]))
def test_distribution_loss_has_the_gradient_of_its_docstring(seed, mean):
    """Beside dead terms each channel has live ones: spreads of 0.4, 1 and 6."""
    rule = SignDistributionLoss(weight=3.0, degeneration=0.9, mismatch=0.2).double()
    spreads = torch.tensor([0.4, 1.0, 6.0], dtype=torch.double).view(-1, 1, 1)
    x = (mean + spreads * weights(seed, (8, 3, 4, 4))).requires_grad_()
    (found,) = gradients(rule.extra_loss(x), [x])
    dims, u = (0, 2, 3), x.detach()
    m, v = u.mean(dims, keepdim=True), u.std(dims, correction=0, keepdim=True)
    d, s = (m.abs() - 0.9 * v).clamp(min=0), (0.25 * v - 1).clamp(min=0)
    e = (1 - m.abs() - 0.2 * v).clamp(min=0)
    slope = (d - e) * m.sign() + (0.25 * s - 0.9 * d - 0.2 * e) * (u - m) / v
    torch.testing.assert_close(found, 2 * 3.0 / u.numel() * slope, rtol=1e-7, atol=1e-10)
    assert (found != 0).any()


def test_a_constant_channel_has_a_finite_gradient_that_parts_its_signs():
    rule = SignDistributionLoss()
    x = torch.full((4, 1), 2.0).requires_grad_()
    (gradient,) = gradients(rule.extra_loss(x), [x])
    assert (gradient > 0).all() and gradient.isfinite().all()


@pytest.mark.parametrize(
    'kind, wrong',
    [
        (OvSW, dict(momentum=1.0)),
        (OvSW, dict(decay=0)),
        (RBNN, dict(t_min=20)),
        (RBNN, dict(rounds=0)),
        (RBONN, dict(sparse=1.5)),
        (RBONN, dict(backtrack=-1)),
        (BONN, dict(weight='a lot')),
        (SLB, dict(t_end=2.0)),
        (BiPer, dict(frequency=0)),
        (BiPer, dict(real_until=2)),
        (AdaBinWeight, dict(t_max=0.01)),
    ],
)
def test_wrong_options_show_the_line(kind, wrong):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: .*Write .*type='{kind.__name__}'"):
        build(kind, **wrong)


@pytest.mark.parametrize('wrong', [dict(until=1.5), dict(weight=0), dict(mismatch=-1)])
def test_so_do_those_of_the_distribution_loss(wrong):
    with pytest.raises(ValueError, match=r'SignDistributionLoss: .*Write dict\(type='):
        SignDistributionLoss(**wrong)
