"""Pooling, real convolutions of few channels and shortcuts of other channels, in one pass."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_packed_ops import KERNELS, every_kernel, identity, run, tensors
from torch import nn

from surge_mmdet.kernels import maps
from surge_mmdet.kernels.maps import Window
from surge_mmdet.kernels.ops import Epilogue, Filter, binary_conv, pack_signs, pack_weight

PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


def nchw(x):
    return x.permute(0, 3, 1, 2)


def pooled(x, pool):
    return pool(nchw(x)).permute(0, 2, 3, 1)


@every_kernel
@settings(max_examples=60, deadline=None)
@given(
    PAIRS, PAIRS, st.booleans(), st.booleans(), st.integers(1, 9), st.integers(1, 9),
    st.integers(1, 70),
)  # fmt: skip
def test_maxima_are_pytorchs(kernel, size, stride, padded, ceil, height, width, channels):
    pad = tuple(int(padded and k > 1) for k in size)
    assume(height + 2 * pad[0] >= size[0] and width + 2 * pad[1] >= size[1])
    pool = nn.MaxPool2d(size, stride, pad, ceil_mode=ceil)
    x = torch.randn(2, height, width, channels)
    out, signs = maps.pool(x, Window.of(pool), signs=True, kernel=kernel)
    assert out.equal(pooled(x, pool)) and signs.equal(pack_signs(out, kernel='torch'))


@every_kernel
def test_nan_passes_a_pooling_wherever_it_stands(kernel):
    x = torch.randn(1, 4, 4, 40)
    for i, (y, z) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        x[0, y, z, i] = float('nan')
        x[0, y, z, 36 + i] = float('nan')  # behind the last whole vector
    x[0, 2, 2, 0] = -float('inf')
    out, _ = maps.pool(x, Window((2, 2), (2, 2)), kernel=kernel)
    want = F.max_pool2d(nchw(x), 2).permute(0, 2, 3, 1)
    torch.testing.assert_close(out, want, rtol=0, atol=0, equal_nan=True)
    assert out[0, 0, 0].isnan().sum() == 8


@every_kernel
def test_a_window_of_one_pixel_is_the_epilogue_alone(kernel):
    x, (scale, bias, slope, threshold) = torch.randn(2, 3, 5, 70), torch.randn(4, 70)
    e = Epilogue(scale, bias, torch.randn(2, 3, 5, 35), slope=slope, threshold=threshold)
    out, signs = maps.pool(x, Window(), e, signs=True, kernel=kernel)
    want = F.prelu(nchw(x * scale + bias + e.shortcut.repeat(1, 1, 1, 2)), slope)
    torch.testing.assert_close(nchw(out), want, rtol=1e-5, atol=1e-6)
    assert signs.equal(pack_signs(out, threshold, kernel='torch'))
    assert maps.pool(x, Window(), e, out=False, kernel=kernel) == (None, None)


@every_kernel
@pytest.mark.parametrize('channels', [10, 20, 30, 60, 120, 180])
def test_channels_of_a_shortcut_are_repeated_or_averaged(kernel, channels):
    layer = Filter(33, 60, 1, (3, 3), (1, 1), (1, 1))
    x, w = tensors(layer)
    shortcut = torch.randn(2, 7, 6, channels)
    out, _ = run(layer, x, w, kernel, identity(60)._replace(shortcut=shortcut))
    if channels <= 60:
        more = shortcut.repeat(1, 1, 1, 60 // channels)
    else:
        more = shortcut.unflatten(-1, (60, channels // 60)).mean(-1)
    torch.testing.assert_close(out, run(layer, x, w, kernel)[0] + more, rtol=1e-6, atol=1e-6)


@every_kernel
@pytest.mark.parametrize(
    'pool', [nn.MaxPool2d(2, 2, ceil_mode=True), nn.MaxPool2d(2, 3), nn.MaxPool2d(3, 2, 1)], ids=str
)
@pytest.mark.parametrize('height, width, outputs', [(9, 7, 40), (2, 3, 5), (31, 300, 130)])
def test_convolution_and_pooling_at_once_are_both_one_after_another(
    kernel, pool, height, width, outputs
):
    layer = Filter(33, outputs, 1, (3, 3), (1, 1), (1, 1))
    x, w = tensors(layer, 2, height, width)
    weight = pack_weight(pack_signs(w, kernel=kernel), layer, kernel)
    scale, bias, threshold, slope = torch.randn(4, outputs)
    inner = identity(outputs)._replace(
        slope=slope, shortcut=torch.randn(2, height, width, outputs), high=2.5
    )
    outer = Epilogue(scale, bias, threshold=threshold)
    bits, window = pack_signs(x, kernel=kernel), Window.of(pool)
    full, _ = binary_conv(bits, weight, inner)
    one = maps.pool(full, window, outer, signs=True, kernel=kernel)
    both = maps.binary_conv_pool(bits, weight, inner, window, outer, signs=True)
    assert one[0].equal(both[0]) and one[1].equal(both[1])


@every_kernel
@pytest.mark.parametrize('stride, padding', [(1, 1), (2, 0), (2, 3)])
@pytest.mark.parametrize('channels, outputs, size', [(3, 64, 3), (1, 5, 7), (4, 130, 1)])
def test_a_real_convolution_of_few_channels(kernel, channels, outputs, size, stride, padding):
    layer = Filter(channels, outputs, 1, (size, size), (stride, stride), (padding, padding))
    x, w = torch.randn(2, channels, 9, 14), torch.randn(outputs, channels, size, size)
    slope, threshold = torch.randn(2, outputs)
    e = Epilogue(slope=slope, threshold=threshold)
    weight = maps.direct_weight(w, layer)
    want = F.prelu(F.conv2d(x, w, None, stride, padding), slope).permute(0, 2, 3, 1)
    for given_x in (x, x.contiguous(memory_format=torch.channels_last)):
        given_x = given_x.permute(0, 2, 3, 1)
        out, signs = maps.direct_conv(given_x, weight, e, signs=True, kernel=kernel)
        torch.testing.assert_close(out, want, rtol=1e-4, atol=1e-4)
        assert signs.equal(pack_signs(out, threshold, kernel='torch'))


@every_kernel
def test_threads_change_nothing(kernel):
    layer = Filter(32, 64, 1, (3, 3), (1, 1), (1, 1))
    x, w = tensors(layer, 2, 60, 301)
    weight = pack_weight(pack_signs(w, kernel=kernel), layer, kernel)
    bits, window = pack_signs(x, kernel=kernel), Window((2, 2), (2, 2), ceil=True)
    stem = maps.direct_weight(torch.randn(64, 3, 3, 3), Filter(3, 64, 1, (3, 3)))
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(
                [
                    maps.binary_conv_pool(bits, weight, identity(64), window, Epilogue())[0],
                    maps.pool(x, window, kernel=kernel)[0],
                    maps.direct_conv(x[..., :3], stem, Epilogue(), kernel=kernel)[0],
                ]
            )
    finally:
        torch.set_num_threads(before)
    assert all(one.equal(two) for one, two in zip(*found, strict=True))


@pytest.mark.skipif(len(KERNELS) == 1, reason='the kernels were not compiled')
class TestCompiled:
    EPILOGUE = (None,) * 9

    def test_the_operators_keep_pytorchs_rules(self):
        ops, kernel = torch.ops.surge_mmdet, KERNELS[0]
        layer = Filter(8, 40, 1, (3, 3), (1, 1), (1, 1))
        weight = pack_weight(torch.zeros(40, 3, 3, 1, dtype=torch.int32), layer, kernel)
        bits, ones = torch.zeros(1, 5, 6, 1, dtype=torch.int32), torch.ones(40)
        window = Window((2, 2), (2, 2)).numbers(5, 6)
        torch.library.opcheck(
            ops.binary_conv_pool,
            (bits, weight.data, weight.outside, layer.numbers, kernel, ones, ones,
             *(None,) * 6, window, None, None, None, True, True),
        )  # fmt: skip
        maps_in = torch.randn(1, 5, 6, 40)
        torch.library.opcheck(ops.pool, (maps_in, window, kernel, *self.EPILOGUE, True, True))
        stem = maps.direct_weight(torch.randn(8, 3, 3, 3), Filter(3, 8, 1, (3, 3)))
        arguments = (stem.data, stem.filter.numbers, kernel, *self.EPILOGUE, True, True)
        torch.library.opcheck(ops.direct_conv, (torch.randn(1, 5, 6, 3), *arguments))

    @pytest.mark.parametrize(
        'window, what',
        [
            ([2, 2], 'a window has 8 numbers, got 2'),
            ([2, 2, 2, 2, 0, 0, 9, 3], 'a window lies outside the map'),
            ([2, 2, 2, 2, 2, 0, 3, 3], 'padding has to be smaller than the window'),
            ([0, 2, 2, 2, 0, 0, 3, 3], 'the window is empty'),
        ],
    )
    def test_windows_that_do_not_fit_are_refused(self, window, what):
        x = torch.zeros(1, 5, 6, 4)
        with pytest.raises(RuntimeError, match=what):
            torch.ops.surge_mmdet.pool(x, window, KERNELS[0], *self.EPILOGUE, True, False)

    @pytest.mark.parametrize(
        'change, what',
        [
            (dict(channels=4), "one group of x's channels"),
            (dict(dilation=(2, 2)), 'dilation 1'),
            (dict(outputs=65), 'weights has 1728 values, not 3456'),
        ],
    )
    def test_real_convolutions_that_do_not_fit_are_refused(self, change, what):
        layer = Filter(3, 64, 1, (3, 3))
        data = maps.direct_weight(torch.randn(64, 3, 3, 3), layer).data
        numbers = layer._replace(**change).numbers
        arguments = (data, numbers, KERNELS[0], *self.EPILOGUE, True, False)
        with pytest.raises(RuntimeError, match=what):
            torch.ops.surge_mmdet.direct_conv(torch.zeros(1, 5, 6, 3), *arguments)


@every_kernel
@pytest.mark.parametrize('small', [(4, 5), (7, 9), (1, 1), (3, 10), (9, 4)])
def test_a_smaller_shortcut_is_read_at_its_nearest_pixels(kernel, small):
    layer = Filter(33, 70, 1, (3, 3), (1, 1), (1, 1))
    x, w = torch.randn(2, 8, 10, 33), torch.randn(70, 3, 3, 33)
    shortcut = torch.randn(2, *small, 70)
    large = F.interpolate(nchw(shortcut), size=(8, 10), mode='nearest').permute(0, 2, 3, 1)
    got, want = (
        run(layer, x, w, kernel, identity(70)._replace(shortcut=more))[0]
        for more in (shortcut, large.contiguous())
    )
    assert got.equal(want)


@every_kernel
@pytest.mark.parametrize('pool', [nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2, 2), nn.MaxPool2d(2, 3)])
@pytest.mark.parametrize('size', [(41, 37), (7, 9), (200, 300)])
def test_a_direct_convolution_pooled_in_bands(monkeypatch, kernel, pool, size):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    layer = Filter(3, 20, 1, (7, 7), (2, 2), (3, 3))
    weight = maps.direct_weight(torch.randn(20, 3, 7, 7), layer)
    x = torch.randn(2, *size, 3)
    e = Epilogue(torch.ones(20), torch.randn(20), slope=torch.randn(20))
    full, _ = maps.direct_conv(x, weight, Epilogue())
    want, want_signs = maps.pool(full, Window.of(pool), e, signs=True)
    got, signs = maps.direct_conv_pool(x, weight, Window.of(pool), e, signs=True)
    assert got.equal(want) and signs.equal(want_signs)


@every_kernel
@pytest.mark.parametrize('size, outputs', [((5, 7), 15), ((60, 70), 3), ((3, 1), 33)])
def test_a_projection_inside_a_convolution(monkeypatch, kernel, size, outputs):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    layer = Filter(33, 70, 1, (3, 3), (1, 1), (1, 1))
    bits = pack_signs(torch.randn(2, *size, 33))
    weight = pack_weight(pack_signs(torch.randn(70, 3, 3, 33)), layer)
    e = Epilogue(torch.randn(70), torch.randn(70), torch.randn(2, *size, 70), low=0.0)
    linear = maps.projection(torch.randn(outputs, 70), torch.randn(outputs))
    full, _ = binary_conv(bits, weight, e)
    want = F.linear(full, linear.weight, linear.bias)
    got = maps.binary_conv_project(bits, weight, e, linear)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-2)


@every_kernel
@pytest.mark.parametrize('size, above', [((5, 7), (3, 4)), ((60, 70), (30, 35)), ((3, 1), (3, 1))])
def test_a_shortcut_that_is_made_where_it_is_added(monkeypatch, kernel, size, above):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    layers = Filter(70, 70, 1, (3, 3), (1, 1), (1, 1)), Filter(33, 70)
    weights = [
        pack_weight(pack_signs(torch.randn(70, *layer.kernel, layer.channels)), layer)
        for layer in layers
    ]
    bits = [pack_signs(torch.randn(2, *size, layer.channels)) for layer in layers]
    below = Epilogue(torch.randn(70), torch.randn(70), torch.randn(2, *above, 70))
    scale, bias, slope, threshold = torch.randn(4, 70)
    e = Epilogue(scale, bias, slope=slope, threshold=threshold)
    shortcut, _ = binary_conv(bits[1], weights[1], below)
    want = binary_conv(bits[0], weights[0], e._replace(shortcut=shortcut), True, True)
    given = (bits[0], weights[0], e, bits[1], weights[1], below)
    for a, b in zip(maps.binary_conv_onto(*given, signs=True), want, strict=True):
        assert a.equal(b)
    assert maps.binary_conv_onto(*given)[1] is None


@pytest.mark.skipif(len(KERNELS) == 1, reason='the kernels were not compiled')
def test_the_operators_in_bands_keep_pytorchs_rules():
    kernel, layer, one = KERNELS[0], Filter(8, 4, 1, (3, 3), (1, 1), (1, 1)), Filter(8, 4)
    x = torch.randn(2, 5, 6, 8)
    a, b = (
        pack_weight(pack_signs(torch.randn(4, *each.kernel, 8)), each, kernel)
        for each in (layer, one)
    )
    conv = (pack_signs(x), a.data, a.outside, layer.numbers, kernel)
    parts = (torch.ones(4), torch.ones(4))
    below = (pack_signs(x), b.data, b.outside, one.numbers, *parts, None)
    ours, check = torch.ops.surge_mmdet, torch.library.opcheck
    for signs in (True, False):
        check(ours.binary_conv_onto, (*conv, *parts, *[None] * 6, signs, *below))
    linear = maps.projection(torch.randn(3, 4), torch.randn(3))
    given = (*conv, *parts, *[None] * 6, linear.matrix, linear.offsets, 3)
    check(ours.binary_conv_project, given)
    direct = maps.direct_weight(torch.randn(4, 8, 3, 3), layer)
    window = Window((2, 2), (2, 2)).numbers(5, 6)
    given = (x, direct.data, layer.numbers, kernel, window, *Epilogue(*parts), True, True)
    check(ours.direct_conv_pool, given)
