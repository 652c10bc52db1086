"""AGS on running norms, against its own formula."""

import pytest
import torch

from surge_mmdet.surge import AdaptiveGradientScaler, SurgeConfig
from surge_mmdet.surge.extensions import RunningNormScaler

NAN = float('nan')


def gradients(seed=0):
    torch.manual_seed(seed)
    return [torch.randn(2, 3, 4, 4, dtype=torch.float64) for _ in range(2)]


def scaler_of(**options):
    return RunningNormScaler(SurgeConfig(mode='running', **options))


def test_running_uses_the_steps_before():
    scaler = scaler_of(eta=0.5, momentum=0.75)
    ratios = []
    squares = torch.zeros(2, dtype=torch.float64)
    for step in range(4):
        g_b, g_a = gradients(step)
        total, scale = scaler.add(g_b, g_a)
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
    scaler = scaler_of()
    scaler.running.copy_(torch.tensor([4.0, 1.0, 1.0]))
    scales = [scaler.add(*gradients(seed))[1] for seed in range(3)]
    assert scales[0] == scales[1] == scales[2] == pytest.approx(0.2)
    mean = sum(gradients(seed)[0].square().sum() for seed in range(3)) / 3
    assert scaler.pending[2] == 3
    scaler.close_step(scaler.pending.clone())
    assert scaler.running[0].item() == pytest.approx((0.9 * 4 + 0.1 * mean).item(), rel=1e-5)
    assert not scaler.pending.any()


def test_a_norm_whose_square_overflows_enters_no_average():
    scaler = scaler_of(eta=0.5)
    scaler.running.copy_(torch.tensor([4.0, 1.0, 1.0]))
    huge = torch.tensor([1e20])
    assert scaler(huge, huge).item() == 1.0
    assert scaler.pending.tolist() == [0, 0, 0]
    scaler.close_step(torch.tensor([float('inf'), 8.0, 2.0]))
    assert scaler.running[:2].tolist() == [4, 1]  # both norms or none


@pytest.mark.parametrize('which', [0, 1])
@pytest.mark.parametrize('kind', [AdaptiveGradientScaler, RunningNormScaler])
def test_a_non_finite_gradient_spoils_no_state(which, kind):
    scaler = kind()
    before = {name: value.clone() for name, value in scaler.named_buffers()}
    bad = gradients()
    bad[which][0, 0, 0, 0] = NAN
    assert scaler.add(*bad)[1] == 0
    assert scaler.read().non_finite == 1 and scaler.statistics.isfinite().all()
    if kind is RunningNormScaler:
        assert not scaler.pending.any()
        scaler.close_step(scaler.pending.clone())
        assert scaler.running.equal(before['running'])


def test_state_is_saved_and_restored():
    scaler = scaler_of()
    scaler.add(*gradients())
    scaler.close_step(scaler.pending.clone())
    other = scaler_of()
    other.load_state_dict(scaler.state_dict())
    assert other.running.equal(scaler.running) and other.running[2] == 1
    assert set(scaler.state_dict()) == {'statistics', 'running'}
    assert scaler.to(torch.bfloat16).running.dtype == torch.float32
