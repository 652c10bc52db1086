"""Fully connected layers in 8 bits: exact sums, small errors, rows that are no numbers."""

import pytest
import torch
import torch.nn.functional as F
from test_packed_ops import KERNELS, every_kernel

from surge_mmdet.kernels.int8 import (
    FAST,
    LEVELS,
    MOST_COLUMNS,
    ZERO,
    int8_linear,
    int8_weight,
    quantize_rows,
)


def layer(rows, columns, outputs):
    torch.manual_seed(columns)
    return torch.randn(rows, columns), torch.randn(outputs, columns), torch.randn(outputs)


@every_kernel
def test_rows_are_quantized_alike_everywhere(kernel):
    x = torch.randn(7, 301) * torch.logspace(-12, 12, 7)[:, None]
    x[0], x[1, 3] = 0, 1e-38
    got, want = quantize_rows(x, kernel), quantize_rows(x, 'torch')
    assert got.values.equal(want.values) and got.scale.equal(want.scale)
    assert (got.values[0] == ZERO).all()
    back = (got.values.double() - ZERO) * got.scale[:, None]
    assert (back - x).abs().amax(1).le(x.abs().amax(1) / LEVELS * 0.501).all()


@every_kernel
@pytest.mark.parametrize(
    'rows, columns, outputs', [(1, 4, 1), (5, 33, 17), (30, 130, 64), (0, 8, 3)]
)
@pytest.mark.parametrize('relu', [False, True])
def test_sums_are_exact(kernel, rows, columns, outputs, relu):
    x, w, b = layer(rows, columns, outputs)
    q, packed = quantize_rows(x, kernel), int8_weight(w, b, kernel)
    most = (w.abs().amax(1) / packed.scale).round()[:, None]  # 127, or 63 of 7 bits
    steps = (w.double() / packed.scale.double()[:, None]).round().clamp(-most, most)
    sums = (q.values.double() - ZERO) @ steps.t()
    want = (sums * q.scale[:, None] * packed.scale + b).float()
    want = want.relu() if relu else want
    torch.testing.assert_close(int8_linear(q, packed, relu), want, rtol=1e-5, atol=1e-5)


@every_kernel
def test_it_is_near_the_layer_in_float32(kernel):
    x, w, b = layer(20, 2000, 50)
    got = int8_linear(quantize_rows(x, kernel), int8_weight(w, b, kernel))
    want = F.linear(x, w, b)
    assert (got - want).norm() < 0.03 * (want - b).norm()


@every_kernel
def test_the_largest_values_do_not_overflow(kernel):
    x, w = torch.ones(13, 4096), torch.ones(16, 4096)
    got = int8_linear(quantize_rows(x, kernel), int8_weight(w, torch.zeros(16), kernel))
    torch.testing.assert_close(got, torch.full((13, 16), 4096.0), rtol=1e-6, atol=0)


@every_kernel
@pytest.mark.parametrize('value', ['nan', 'inf', '-inf'])
@pytest.mark.parametrize('relu', [False, True])
def test_a_row_without_numbers_gives_none(kernel, value, relu):
    x, w, b = layer(3, 40, 5)
    x[1, 2] = float(value)
    got = int8_linear(quantize_rows(x, kernel), int8_weight(w, b, kernel), relu)
    assert got[1].isnan().all() and got[[0, 2]].isfinite().all()


@every_kernel
@pytest.mark.parametrize('value', ['nan', 'inf', '-inf'])
@pytest.mark.parametrize('relu', [False, True])
def test_weights_without_numbers_give_none(kernel, value, relu):
    x, w, b = layer(3, 40, 5)
    w[1, 2] = float(value)
    got = int8_linear(quantize_rows(x, kernel), int8_weight(w, b, kernel), relu)
    assert got[:, 1].isnan().all() and got[:, [0, 2, 3, 4]].isfinite().all()


@every_kernel
def test_the_longest_rows_are_exact(kernel):
    x, w = torch.ones(1, MOST_COLUMNS), torch.ones(2, MOST_COLUMNS)
    w[1] = -1
    got = int8_linear(quantize_rows(x, kernel), int8_weight(w, torch.zeros(2), kernel))
    want = torch.tensor([[MOST_COLUMNS, -MOST_COLUMNS]]).float()
    torch.testing.assert_close(got, want, rtol=1e-6, atol=0)


@every_kernel
def test_longer_rows_are_refused(kernel):
    w = torch.ones(1, MOST_COLUMNS + 1)
    with pytest.raises(ValueError, match=r'132105 columns.*132104.*real_compute=.float32.'):
        int8_weight(w, torch.zeros(1), kernel)


@pytest.mark.skipif(len(KERNELS) == 1, reason='the kernels were not compiled')
def test_the_operator_refuses_longer_rows():
    columns = MOST_COLUMNS + 4
    x, w = torch.zeros(0, columns, dtype=torch.uint8), torch.zeros(16 * columns, dtype=torch.int8)
    ones, start = torch.ones(1), torch.zeros(16, dtype=torch.int32)
    with pytest.raises(RuntimeError, match='132104 columns'):
        torch.ops.surge_mmdet.int8_linear(
            x, torch.ones(0), w, start, ones, ones, 1, False, KERNELS[0]
        )


def test_the_fast_kernels_are_kernels():
    known = {'avx512-popcount', 'avx512-lookup', 'avx2', 'neon', 'portable', 'torch'}
    assert set(FAST) <= known and set(KERNELS) <= known


@pytest.mark.skipif(len(KERNELS) == 1, reason='the kernels were not compiled')
def test_the_operators_keep_pytorchs_rules():
    x, w, b = layer(5, 40, 17)
    packed = int8_weight(w, b, KERNELS[0])
    torch.library.opcheck(torch.ops.surge_mmdet.quantize_rows, (x, KERNELS[0]))
    given = (*quantize_rows(x, KERNELS[0]), *packed[1:], 17, True, KERNELS[0])
    torch.library.opcheck(torch.ops.surge_mmdet.int8_linear, given)
    with pytest.raises(RuntimeError, match='weights do not fit the rows'):
        torch.ops.surge_mmdet.int8_linear(given[0][:, :36].contiguous(), *given[1:])
