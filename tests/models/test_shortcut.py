import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from surge_mmdet.models.shortcut import Shortcut, ShortcutConvModule


@settings(max_examples=60, deadline=None)
@given(
    cin=st.sampled_from([2, 4, 8]),
    cout=st.sampled_from([2, 4, 8]),
    kernel=st.sampled_from([1, 2, 3, 4, 5]),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    size=st.integers(9, 13),
)
def test_whatever_fits_has_the_shape_of_the_convolution(
    cin, cout, kernel, stride, padding, dilation, size
):
    conv = nn.Conv2d(cin, cout, kernel, stride, padding, dilation)
    if not Shortcut.fits(conv):
        return
    x = torch.randn(1, cin, size, size + 1)
    assert Shortcut(conv)(x).shape == conv(x).shape


@pytest.mark.parametrize(
    'options',
    [
        dict(kernel_size=3, padding=1),
        dict(kernel_size=1),
        dict(kernel_size=3, stride=2, padding=1),
        dict(kernel_size=1, stride=2),
        dict(kernel_size=3),
        dict(kernel_size=4, padding=1),
        dict(kernel_size=3, padding=6, dilation=6),
    ],
)
@pytest.mark.parametrize('cin, cout', [(4, 4), (8, 2), (2, 8)])
def test_the_geometries_of_resnet_and_ssd_fit(options, cin, cout):
    assert Shortcut.fits(nn.Conv2d(cin, cout, **options))


@pytest.mark.parametrize(
    'conv',
    [
        nn.Conv2d(4, 6, 3, padding=1),
        nn.Conv2d(4, 4, 3, 2),
        nn.Conv2d(4, 4, 3, padding=2),
        nn.Conv2d(4, 4, (1, 3), padding=(0, 1)),
        nn.Conv2d(4, 4, 3, (1, 2), 1),
    ],
    ids=str,
)
def test_what_has_no_way_around_is_refused(conv):
    assert not Shortcut.fits(conv)
    with pytest.raises(ValueError, match='Write base_channels'):
        Shortcut(conv)


def test_channels_are_repeated_or_averaged_in_groups():
    x = torch.arange(4.0).view(1, 4, 1, 1)
    assert Shortcut(nn.Conv2d(4, 2, 1))(x).flatten().tolist() == [0.5, 2.5]
    assert Shortcut(nn.Conv2d(4, 8, 1))(x).flatten().tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_equal_shapes_pass_without_a_copy():
    x = torch.randn(1, 4, 5, 5)
    assert Shortcut(nn.Conv2d(4, 4, 3, padding=1))(x) is x


def test_pixels_are_averaged_over_stride_or_lost_border():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    strided = Shortcut(nn.Conv2d(1, 1, 3, 2, 1))(x)
    assert strided.flatten().tolist() == [2, 3.5, 6.5, 8]
    assert Shortcut(nn.Conv2d(1, 1, 3))(x).item() == 4


def test_module_is_activation_of_norm_plus_shortcut():
    torch.manual_seed(0)
    unit = ShortcutConvModule(4, 8, 3, padding=1, norm_cfg=dict(type='BN'))
    unit.eval()
    x = torch.randn(2, 4, 5, 5)
    inner = unit.bn(unit.conv(x)) + torch.cat([x, x], 1)
    want = torch.where(inner > 0, inner, 0.25 * inner)
    torch.testing.assert_close(unit(x), want)
    assert unit.conv.bias is None


def test_module_without_a_way_around_is_a_plain_one():
    unit = ShortcutConvModule(4, 6, 3, act_cfg=None)
    x = torch.randn(1, 4, 5, 5)
    assert unit.shortcut is None and unit(x).equal(unit.conv(x))
