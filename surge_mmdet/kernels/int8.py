"""Fully connected layers in 8 bits: one scale per row of the input and per output."""

from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from .maps import LANES
from .ops import PLAIN, kernel_name

LEVELS = 127  # steps between 0 and the largest magnitude
ZERO = 128  # the byte that stands for 0
SMALLEST = 1e-30  # rows of less are zeros, as in int8.h
MOST_COLUMNS = (2**31 - 1) // (ZERO * LEVELS)  # whose sums fit 32 bits, as in int8.h
FAST = ('avx512-popcount', 'avx512-lookup', 'avx2')  # faster than float32 there


class Int8Rows(NamedTuple):
    """``(values - 128) * scale[:, None]``: uint8 (rows, columns) and float32 (rows, )."""

    values: Tensor
    scale: Tensor


def quantize_rows(x: Tensor, kernel: Optional[str] = None) -> Int8Rows:
    """Rows of (rows, columns) in 8 bits, the largest magnitude of each 127 steps.

    The scale of a row with NaN or infinity is NaN, and so is what such a row gives.
    """
    kernel, x = kernel_name(kernel), x.float().contiguous()
    if kernel != PLAIN:
        return Int8Rows(*torch.ops.surge_mmdet.quantize_rows(x, kernel))
    steps, scale = _symmetric(x, LEVELS)
    return Int8Rows((steps + ZERO).to(torch.uint8), scale)


def _symmetric(x: Tensor, levels: int) -> tuple:
    """Whole steps in float32 and the scale of each row."""
    largest = x.abs().amax(1)
    factor = torch.where(largest > SMALLEST, levels / largest, 0.0)
    scale = torch.where(largest.isfinite(), largest / levels, float('nan'))
    return (x * factor[:, None]).nan_to_num(0.0, 0.0, 0.0).round(), scale


class Int8Weight(NamedTuple):
    """Weights of a fully connected layer as one kernel reads them; :func:`int8_weight` makes it.

    Attributes:
        kernel (str): That they are packed for.
        data (Tensor): int8, (panels, columns / 4, 16, 4); for ``torch`` whole
            numbers in float32, (outputs, columns).
        start (Tensor): int32, (panels * 16, ): what the byte for 0 adds, taken off.
        scale, bias (Tensor): (outputs, ).
    """

    kernel: str
    data: Tensor
    start: Tensor
    scale: Tensor
    bias: Tensor


def int8_weight(weight: Tensor, bias: Tensor, kernel: Optional[str] = None) -> Int8Weight:
    """Weights (outputs, columns) and their bias, for the kernel that will run.

    They take 8 bits, or 7 where a processor would add products of 8 bits in 16.

    Raises:
        ValueError: For more than :data:`MOST_COLUMNS` columns.
    """
    if weight.shape[1] > MOST_COLUMNS:
        raise ValueError(
            f'a layer of {weight.shape[1]} columns cannot run in int8: sums of more than '
            f"{MOST_COLUMNS} do not fit 32 bits. Use load_packed(PATH, real_compute='float32')"
        )
    kernel = kernel_name(kernel)
    plain = kernel == PLAIN
    most = LEVELS if plain else torch.ops.surge_mmdet.int8_most(kernel)
    steps, scale = _symmetric(weight.detach().float(), most)
    bias = bias.detach().float().contiguous()
    if plain:
        return Int8Weight(kernel, steps, steps.new_zeros(0), scale, bias)
    steps = F.pad(steps, (0, -steps.shape[1] % 4, 0, -len(steps) % LANES))
    data = steps.to(torch.int8).unflatten(0, (-1, LANES)).unflatten(2, (-1, 4)).transpose(1, 2)
    start = (-ZERO * steps.sum(1, dtype=torch.float64)).to(torch.int32)
    return Int8Weight(kernel, data.contiguous(), start, scale, bias)


def int8_linear(x: Int8Rows, weight: Int8Weight, relu: bool = False) -> Tensor:
    """Rows times weights: float32 (rows, outputs), the integers exact."""
    outputs = len(weight.bias)
    if weight.kernel == PLAIN:
        steps = x.values.double() - ZERO
        sums = (steps @ weight.data.double().t()).float() * x.scale[:, None]
        out = torch.addcmul(weight.bias, sums, weight.scale)
        return out.relu_() if relu else out
    values = x.values
    if values.shape[1] % 4:
        values = F.pad(values, (0, -values.shape[1] % 4), value=ZERO)
    return torch.ops.surge_mmdet.int8_linear(
        values, x.scale, weight.data, weight.start, weight.scale, weight.bias, outputs, relu,
        weight.kernel,
    )  # fmt: skip
