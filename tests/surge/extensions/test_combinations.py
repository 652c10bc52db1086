"""Sums of both gradients, each against its own formula."""

import pytest
import torch

from surge_mmdet.registry import COMBINATIONS
from surge_mmdet.surge import AdaptiveGradientScaler, SurgeConfig, add_scaled
from surge_mmdet.surge.extensions import norm_preserving

COMBINED = {'sum': add_scaled, 'norm_preserving': norm_preserving}


def gradients(dtype=torch.float64, size=1.0):
    torch.manual_seed(0)
    return [(size * torch.randn(2, 3, 4, 4)).to(dtype) for _ in range(2)]


def test_every_registered_combination_is_tested_here():
    COMBINATIONS.import_from_location()
    assert dict(COMBINATIONS.module_dict) == COMBINED


def test_norm_preserving_keeps_the_length_and_the_direction_of_the_sum():
    g_b, g_a = gradients()
    config = SurgeConfig(eta=0.7)
    total, scale = AdaptiveGradientScaler(config, norm_preserving).add(g_b, g_a)
    plain, same = AdaptiveGradientScaler(config).add(g_b, g_a)
    assert scale.equal(same)
    torch.testing.assert_close(plain, g_b + scale * g_a)
    torch.testing.assert_close(total.norm(), g_b.norm())
    torch.testing.assert_close(total / total.norm(), plain / plain.norm())


def test_norm_preserving_of_nothing_is_nothing():
    zero = torch.zeros(3)
    assert norm_preserving(zero, zero, torch.tensor(0.5)).equal(zero)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('combine', COMBINED.values(), ids=COMBINED)
@pytest.mark.parametrize('size', [1e3, 1e-3])
def test_half_precision_gives_what_float32_gives(dtype, combine, size):
    g_b, g_a = gradients(dtype, size)
    scaler = AdaptiveGradientScaler(combine=combine)
    total, scale = scaler.add(g_b, g_a)
    want, lam = scaler.add(g_b.float(), g_a.float())
    assert total.dtype == dtype and scale > 0
    assert scale.item() == pytest.approx(lam.item(), rel=0.02)
    assert (total.float() - want).norm() < 0.02 * want.norm()
