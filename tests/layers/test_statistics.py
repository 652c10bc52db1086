import pytest
import torch

from surge_mmdet.layers.statistics import (
    constant_channels,
    flip_rate,
    saturation,
    smooth_share,
    smoothness,
)


def test_flips_are_counted_once_each():
    before = torch.randn(4, 3, 3, 3) >= 0
    after = before.clone()
    after.view(-1)[:27] ^= True
    assert flip_rate(before, after).item() == pytest.approx(0.25)
    assert flip_rate(before, before) == 0


def test_saturation_starts_beyond_the_clip():
    values = torch.tensor([1.0, -1.0, 1.001, -5.0, 0.0])
    assert saturation(values).item() == pytest.approx(0.4)
    assert saturation(values, clip=2.0).item() == pytest.approx(0.2)


@pytest.mark.parametrize('sign', [1, -1])
def test_a_channel_is_constant_if_no_sign_differs(sign):
    x = torch.randn(2, 4, 5, 5)
    x[:, 1] = sign * (x[:, 1].abs() + 0.1)
    assert constant_channels(x).item() == pytest.approx(0.25)
    x[1, 1, 2, 2] *= -1
    assert constant_channels(x) == 0


def test_filters_are_the_first_axis_of_a_weight():
    weight = torch.randn(4, 8, 3, 3)
    weight[:2] = weight[:2].abs()
    assert constant_channels(weight, 0).item() == pytest.approx(0.5)
    assert constant_channels(weight, 1).item() == 0


def test_smoothness_is_one_over_the_taps_for_noise_and_one_for_a_mean():
    torch.manual_seed(0)
    assert smoothness(torch.randn(64, 64, 3, 3)).item() == pytest.approx(1 / 9, rel=0.05)
    means = torch.randn(4, 5, 1, 1)
    assert smoothness(means.expand(4, 5, 3, 3)).item() == pytest.approx(1)
    edge = torch.tensor([-1.0, 0.0, 1.0]).expand(4, 5, 3, 3)
    assert smoothness(edge) == 0


def test_a_smooth_map_keeps_its_energy_under_a_mean():
    torch.manual_seed(0)
    assert smooth_share(torch.randn(4, 8, 60, 60)).item() == pytest.approx(1 / 9, rel=0.05)
    ramp = torch.linspace(0, 1, 60).expand(1, 2, 60, 60)
    assert 0.9 < smooth_share(ramp) < 1
