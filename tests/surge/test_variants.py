"""Variants of AGS: each against its own formula."""

import pytest
import torch

from surge_mmdet.surge import AdaptiveGradientScaler, ScalerVariant, l2_norm
from surge_mmdet.surge.variants import COMBINATIONS

NAN = float('nan')


def gradients(seed=0):
    torch.manual_seed(seed)
    return [torch.randn(2, 3, 4, 4, dtype=torch.float64) for _ in range(3)]


def test_default_options_are_the_papers_scaler():
    g_b, g_a, x = gradients()
    want = AdaptiveGradientScaler(eta=0.4)
    got = ScalerVariant(eta=0.4)
    for w, g in zip(want.add(g_b, g_a, x), got.add(g_b, g_a, x), strict=True):
        assert g.equal(w)
    assert got.statistics.equal(want.statistics)


def test_blind_adds_only_where_the_clipped_estimator_passes_nothing():
    g_b, g_a, x = gradients()
    x = x * 1.5
    total, scale = ScalerVariant(eta=0.5, combine='blind').add(g_b, g_a, x)
    masked = torch.where(x.abs() > 1, g_a, 0.0)
    assert scale.item() == pytest.approx((0.5 * l2_norm(g_b) / l2_norm(masked)).item())
    torch.testing.assert_close(total, g_b + scale * masked)
    assert total[x.abs() <= 1].equal(g_b[x.abs() <= 1])


def test_orthogonal_leaves_the_component_along_g_b_alone():
    g_b, g_a, x = gradients()
    g_a = g_a + 3 * g_b
    total, scale = ScalerVariant(combine='orthogonal').add(g_b, g_a, x)
    added = total - g_b
    assert scale > 0 and added.norm() > 0.1
    assert (added * g_b).sum().item() == pytest.approx(0, abs=1e-9)
    parallel = (g_a * g_b).sum() / g_b.square().sum() * g_b
    torch.testing.assert_close(added, scale * (g_a - parallel))


def test_norm_preserving_keeps_the_length_and_the_direction_of_the_sum():
    g_b, g_a, x = gradients()
    total, scale = ScalerVariant(eta=0.7, combine='norm_preserving').add(g_b, g_a, x)
    plain, same = AdaptiveGradientScaler(eta=0.7).add(g_b, g_a, x)
    assert scale.equal(same)
    torch.testing.assert_close(total.norm(), g_b.norm())
    torch.testing.assert_close(total / total.norm(), plain / plain.norm())


def test_per_channel_scales_each_input_channel_by_its_own_norms():
    g_b, g_a, x = gradients()
    g_a = g_a * torch.tensor([1.0, 10.0, 0.1]).view(1, 3, 1, 1)
    scaler = ScalerVariant(eta=0.5, max_scale=100.0, per_channel=True)
    total, scale = scaler.add(g_b, g_a, x)
    want = torch.stack([0.5 * g_b[:, c].norm() / g_a[:, c].norm() for c in range(3)])
    torch.testing.assert_close(scale.flatten(), want)
    torch.testing.assert_close(total, g_b + want.view(1, 3, 1, 1) * g_a)
    assert scaler.statistics[0].item() == pytest.approx(want.mean().item())


def test_running_uses_the_steps_before():
    scaler = ScalerVariant(eta=0.5, mode='running', momentum=0.75)
    ratios = []
    squares = torch.zeros(2, dtype=torch.float64)
    for step in range(4):
        g_b, g_a, x = gradients(step)
        total, scale = scaler.add(g_b, g_a, x)
        ratios.append(scale.item())
        if step == 0:
            assert scale == 0 and total.equal(g_b)
        else:
            want = 0.5 * (squares[0] / squares[1]).sqrt()
            assert scale.item() == pytest.approx(want.item(), rel=1e-5)
        new = torch.stack([g_b.square().sum(), g_a.square().sum()])
        squares = new if step == 0 else 0.75 * squares + 0.25 * new
        scaler.close_step(scaler.pending.clone())
    assert len(set(ratios)) == 4 and scaler.running[2] == 4


def test_running_is_constant_within_a_step_and_averages_its_calls():
    scaler = ScalerVariant(mode='running')
    scaler.running.copy_(torch.tensor([4.0, 1.0, 1.0]))
    scales = [scaler.add(*gradients(seed))[1] for seed in range(3)]
    assert scales[0] == scales[1] == scales[2] == pytest.approx(0.6)
    mean = sum(gradients(seed)[0].square().sum() for seed in range(3)) / 3
    assert scaler.pending[2] == 3
    scaler.close_step(scaler.pending.clone())
    assert scaler.running[0].item() == pytest.approx((0.9 * 4 + 0.1 * mean).item(), rel=1e-5)
    assert not scaler.pending.any()


def test_a_norm_whose_square_overflows_enters_no_average():
    scaler = ScalerVariant(eta=0.5, mode='running')
    scaler.running.copy_(torch.tensor([4.0, 1.0, 1.0]))
    huge = torch.tensor([1e20])
    assert scaler(huge, huge).item() == 1.0
    assert scaler.pending.tolist() == [0, 0, 0]
    scaler.close_step(torch.tensor([float('inf'), 8.0, 2.0]))
    assert scaler.running[:2].tolist() == [4, 1]  # both norms or none


@pytest.mark.parametrize('which', [0, 1])
@pytest.mark.parametrize('mode', ['batch', 'running'])
def test_a_non_finite_gradient_spoils_no_state(which, mode):
    scaler = ScalerVariant(mode=mode)
    scaler.running.copy_(torch.tensor([4.0, 1.0, 1.0]))
    bad = gradients()
    bad[which][0, 0, 0, 0] = NAN
    assert scaler.add(*bad)[1] == 0
    assert scaler.pending.isfinite().all() and not scaler.pending.any()
    before = scaler.running.clone()
    scaler.close_step(scaler.pending.clone())
    assert scaler.running.equal(before)
    assert scaler.statistics[-1] == 1


def test_eta_factor_scales_eta():
    g_b, g_a, x = gradients()
    scaler = ScalerVariant(eta=0.4)
    full = scaler.add(g_b, g_a, x)[1]
    scaler.eta_factor = 0.25
    assert scaler.add(g_b, g_a, x)[1].item() == pytest.approx(full.item() / 4)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('combine', COMBINATIONS)
@pytest.mark.parametrize('size', [1e3, 1e-3])
def test_half_precision_gives_what_float32_gives(dtype, combine, size):
    g_b, g_a, x = (t.to(dtype) for t in gradients())
    g_b, g_a = size * g_b, size * g_a
    total, scale = ScalerVariant(combine=combine).add(g_b, g_a, x)
    want, lam = ScalerVariant(combine=combine).add(g_b.float(), g_a.float(), x.float())
    assert total.dtype == dtype and scale > 0
    assert scale.item() == pytest.approx(lam.item(), rel=0.02)
    assert (total.float() - want).norm() < 0.02 * want.norm()


def test_state_is_saved_and_restored():
    scaler = ScalerVariant(mode='running')
    scaler.add(*gradients())
    scaler.close_step(scaler.pending.clone())
    other = ScalerVariant(mode='running')
    other.load_state_dict(scaler.state_dict())
    assert other.running.equal(scaler.running) and other.running[2] == 1
    assert set(scaler.state_dict()) == {'statistics', 'running'}
    assert scaler.to(torch.bfloat16).running.dtype == torch.float32


@pytest.mark.parametrize(
    'options, line',
    [
        (dict(mode='epoch'), "surge=dict.mode='batch'"),
        (dict(combine='max'), "surge=dict.combine='sum'"),
        (dict(momentum=1.0), "mode='running', momentum=0.9"),
        (dict(mode='running', per_channel=True), 'per_channel=True needs'),
    ],
)
def test_bad_options_are_refused_with_the_corrected_line(options, line):
    with pytest.raises(ValueError, match=line):
        ScalerVariant(**options)
