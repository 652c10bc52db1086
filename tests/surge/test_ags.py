"""AGS: lambda, its guards and its statistics."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.surge import AdaptiveGradientScaler, SurgeConfig, gradient_scale, l2_norm

INF, NAN = float('inf'), float('nan')
POSITIVE = st.floats(1e-3, 1e3)


def lambda_of(norm_b, norm_a, eta=0.5, max_scale=10.0):
    norms = [torch.tensor(n, dtype=torch.float64) for n in (norm_b, norm_a)]
    return gradient_scale(*norms, eta, max_scale).item()


def field(scaler, name):
    return getattr(scaler.read(), name).item()


@settings(max_examples=30, deadline=None)
@given(POSITIVE, POSITIVE, st.floats(0, 2), st.floats(0.1, 100))
def test_scale_is_the_formula_of_the_paper_up_to_its_cap(b, a, eta, cap):
    expected = min(eta * b / (a + 1e-8), cap)
    assert lambda_of(b, a, eta, cap) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(POSITIVE, POSITIVE, st.sampled_from([2.0, 1024.0, 65536.0]))
def test_a_loss_scale_cancels(b, a, loss_scale):
    scaled = lambda_of(loss_scale * b, loss_scale * a)
    assert scaled == pytest.approx(lambda_of(b, a), rel=1e-4)


def test_a_dead_auxiliary_branch_adds_nothing():
    assert lambda_of(2.0, 0.0, max_scale=INF) == 0


@pytest.mark.parametrize('bad', [INF, NAN])
def test_a_norm_that_is_not_finite_gives_zero(bad):
    assert lambda_of(bad, 1.0) == 0
    assert lambda_of(1.0, bad) == 0
    assert lambda_of(bad, bad) == 0


def test_norm_is_the_euclidean_one_over_all_axes():
    gradient = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(l2_norm(gradient), gradient.pow(2).sum().sqrt())


@pytest.mark.parametrize(
    'dtype, norm_dtype',
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_norm_is_at_least_float32(dtype, norm_dtype):
    norm = l2_norm(torch.full((64, 64), 2048.0, dtype=dtype))
    assert norm.dtype == norm_dtype
    assert norm.item() == 64 * 2048.0  # beyond float16


def test_scale_and_norms_are_recorded():
    scaler = AdaptiveGradientScaler(SurgeConfig(eta=0.5))
    scale = scaler(torch.tensor([3.0, 4.0]), torch.tensor([0.0, 2.0]))
    assert scale.item() == pytest.approx(1.25)
    assert field(scaler, 'scale') == scale.item()
    assert (field(scaler, 'norm_b'), field(scaler, 'norm_a')) == (5, 2)


def test_no_gradient_flows_through_lambda():
    g_b, g_a = torch.randn(5, requires_grad=True), torch.randn(5)
    assert not AdaptiveGradientScaler()(g_b, g_a).requires_grad


def test_steps_and_non_finite_steps_are_counted():
    scaler, good = AdaptiveGradientScaler(), torch.ones(3)
    for g_b, g_a in ((good, good), (good * INF, good), (good, good * NAN), (good, 0 * good)):
        scaler(g_b, g_a)
    assert field(scaler, 'steps') == 4
    assert field(scaler, 'non_finite') == 2


def test_cosine_is_computed_only_while_monitored():
    torch.manual_seed(0)
    scaler, g_b, g_a = AdaptiveGradientScaler(), *torch.randn(2, 3, 4, 5)
    scaler(g_b, g_a)
    assert field(scaler, 'cosine') == 0
    scaler.monitor = True
    scaler(g_b, g_a)
    expected = F.cosine_similarity(g_b.flatten(), g_a.flatten(), dim=0)
    assert field(scaler, 'cosine') == pytest.approx(expected.item(), abs=1e-6)
    scaler.monitor = False
    scaler(g_b, -g_a)
    assert field(scaler, 'cosine') == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('size', [1e-4, 1e3])
def test_cosine_survives_half_precision(dtype, size):
    scaler, gradient = AdaptiveGradientScaler(), torch.full((1000,), size)
    scaler.monitor = True
    scaler(gradient.to(dtype), gradient.to(dtype))
    assert field(scaler, 'cosine') == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize('monitor', [False, True])
def test_lambda_never_becomes_a_python_number(monitor):
    # A tensor on the meta device has no value that could be read.
    scaler = AdaptiveGradientScaler().to('meta')
    scaler.monitor = monitor
    g_b, g_a = torch.empty(2, 4, 4, device='meta'), torch.empty(2, 4, 4, device='meta')
    assert scaler(g_b, g_a).is_meta


def test_statistics_are_saved_but_have_no_gradient():
    scaler = AdaptiveGradientScaler()
    assert list(scaler.state_dict()) == ['statistics']
    assert not list(scaler.parameters())


def test_a_layer_called_several_times_keeps_the_mean_of_its_calls_while_monitored():
    scaler = AdaptiveGradientScaler(SurgeConfig(eta=0.5))
    scaler.monitor = True
    for size in (1.0, 3.0):
        scaler(torch.full((4,), size), torch.ones(4))
    scaler.monitor = False
    scaler(torch.ones(4), torch.ones(4))
    means = scaler.take_calls()
    assert means.scale == pytest.approx(1.0) and means.norm_b == pytest.approx(4.0)
    assert isinstance(means.scale, float) and scaler.take_calls() is None


def test_eta_factor_scales_eta():
    g_b, g_a = torch.randn(2, 3, 4)
    scaler = AdaptiveGradientScaler(SurgeConfig(eta=0.4))
    full = scaler.add(g_b, g_a)[1]
    scaler.eta_factor = 0.25
    assert scaler.add(g_b, g_a)[1].item() == pytest.approx(full.item() / 4)
