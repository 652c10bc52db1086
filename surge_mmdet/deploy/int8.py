"""Fully connected layers whose products are integers, for processors that multiply int8 fast."""

import os
import platform
from functools import lru_cache
from typing import NamedTuple, Optional

import torch
from torch import Tensor, nn

from ..errors import unknown
from ..kernels import ops

COMPUTE = ('auto', 'float32', 'int8')
VARIABLE = 'SURGE_REAL_COMPUTE'
LEVELS = 127
SMALLEST = 1e-30  # rows of less are zeros, as in quantize.h


class Int8Rows(NamedTuple):
    """``values * scale[:, None]``: int8 (rows, columns) and float32 (rows, )."""

    values: Tensor
    scale: Tensor


def quantize_rows(x: Tensor) -> Int8Rows:
    """Rows of (rows, columns) in int8, the largest magnitude of each as 127.

    A row with NaN or infinity has such a scale, and so gives NaN.
    """
    kernel = ops.kernel_name()
    x = x.float().contiguous()
    if kernel != ops.PLAIN:
        return Int8Rows(*torch.ops.surge_mmdet.quantize_rows(x, kernel))
    largest = x.abs().amax(1) if x.numel() else x.new_zeros(len(x))
    factor = torch.where(largest > SMALLEST, LEVELS / largest, 0.0)
    steps = (x * factor[:, None]).nan_to_num(0.0, 0.0, 0.0).round()
    return Int8Rows(steps.to(torch.int8), largest / LEVELS)


@lru_cache
def int8_runs() -> bool:
    """Whether this processor multiplies int8 exactly and fast, that is, has VNNI.

    Without it oneDNN adds two products in 16 bits, which overflow, and is no
    faster than float32. So the largest products are tried.
    """
    if platform.machine().lower() not in ('x86_64', 'amd64'):
        return False
    rows, weight = (torch.full((64, 256), LEVELS, dtype=torch.int8) for _ in range(2))
    try:
        return bool((torch._int_mm(rows, weight.t()) == 256 * LEVELS**2).all())
    except (AttributeError, RuntimeError):  # an older PyTorch
        return False


def compute_of(real_compute: Optional[str] = None) -> str:
    """How large real layers will be computed, ``float32`` or ``int8``.

    Args:
        real_compute (str | None): One of :data:`COMPUTE`; None for the
            environment variable ``SURGE_REAL_COMPUTE``, else ``auto``: int8
            where the processor has it.

    Raises:
        ValueError: For another word; for int8 on a processor without it.
    """
    name = real_compute or os.environ.get(VARIABLE) or 'auto'
    if name not in COMPUTE:
        raise unknown('real_compute', name, COMPUTE, "load_packed(PATH, real_compute='{}')")
    if name == 'int8' and not int8_runs():
        raise ValueError(
            'this processor has no fast and exact int8 products (VNNI). Write '
            "load_packed(PATH, real_compute='float32')"
        )
    if name == 'auto':
        return 'int8' if int8_runs() else 'float32'
    return name


class Int8Linear(nn.Module):
    """``nn.Linear`` in int8: one scale per output and one per row of the input.

    The sums are exact in int32; only input and weights are rounded.

    Args:
        linear (nn.Linear): Whose weights it takes over.

    Attributes:
        weight (Tensor): int8 (out_features, in_features).
        scale, bias (Tensor): float32 (out_features, ).
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight, scale = quantize_rows(linear.weight.detach())
        bias = torch.zeros_like(scale) if linear.bias is None else linear.bias.detach().clone()
        self.register_buffer('weight', weight)
        self.register_buffer('scale', scale)
        self.register_buffer('bias', bias)

    def forward(self, x: Int8Rows) -> Tensor:
        """Rows of int8 to float32 (rows, out_features)."""
        if not len(x.values):
            return self.bias.new_empty(0, len(self.bias))
        sums = torch._int_mm(x.values, self.weight.t()).float()
        return torch.addcmul(self.bias, sums.mul_(x.scale[:, None]), self.scale)

    def extra_repr(self) -> str:
        return f'{self.weight.shape[1]}, {self.weight.shape[0]}'
