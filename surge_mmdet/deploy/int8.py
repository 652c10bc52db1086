"""Real fully connected layers of packed detectors in 8 bits."""

import logging
import os
from typing import Optional

import torch
from torch import Tensor, nn

from ..errors import unknown
from ..kernels import ops
from ..kernels.int8 import FAST, MOST_COLUMNS, Int8Rows, Int8Weight, int8_linear, int8_weight

COMPUTE = ('auto', 'float32', 'int8')
VARIABLE = 'SURGE_REAL_COMPUTE'


def compute_of(real_compute: Optional[str] = None) -> str:
    """How large real layers will be computed, ``float32`` or ``int8``.

    Args:
        real_compute (str | None): One of :data:`COMPUTE`; None for the
            environment variable ``SURGE_REAL_COMPUTE``, else ``auto``: int8
            where the kernel that runs is faster so.

    Raises:
        ValueError: For another word.
    """
    name = real_compute or os.environ.get(VARIABLE, '').strip().lower() or 'auto'
    if name not in COMPUTE:
        if real_compute:
            raise unknown('real_compute', name, COMPUTE, "load_packed(PATH, real_compute='{}')")
        raise unknown(VARIABLE, name, COMPUTE, f'{VARIABLE}={{}}')
    if name == 'auto':
        return 'int8' if ops.kernel_name() in FAST else 'float32'
    return name


def fits_int8(linear: nn.Linear) -> bool:
    """Whether sums of so many columns fit 32 bits; where they do not, the log says what follows."""
    if linear.in_features <= MOST_COLUMNS:
        return True
    logging.getLogger(__name__).warning(
        'a layer of %d columns runs in float32 instead of int8: sums of more than %d do not fit '
        '32 bits',
        linear.in_features,
        MOST_COLUMNS,
    )
    return False


class Int8Linear(nn.Module):
    """``nn.Linear`` in 8 bits; only input and weights are rounded, sums are exact.

    Args:
        linear (nn.Linear): Whose weights it takes over.
        relu (bool): Whether a ReLU follows.
    """

    def __init__(self, linear: nn.Linear, relu: bool = False) -> None:
        super().__init__()
        bias = linear.bias
        self.register_buffer('weight', linear.weight.detach())
        self.register_buffer('bias', torch.zeros(len(self.weight)) if bias is None else bias.data)
        self.relu = relu
        self._packed: Optional[Int8Weight] = None

    def packed(self) -> Int8Weight:
        """The weights in the order of the kernel that runs."""
        kernel = ops.kernel_name()
        if self._packed is None or self._packed.kernel != kernel:
            self._packed = int8_weight(self.weight, self.bias, kernel)
        return self._packed

    def forward(self, x: Int8Rows) -> Tensor:
        """Rows to float32 (rows, out_features)."""
        return int8_linear(x, self.packed(), self.relu)

    def _apply(self, fn, recurse: bool = True):
        self._packed = None
        return super()._apply(fn, recurse)

    def extra_repr(self) -> str:
        return f'{self.weight.shape[1]}, {self.weight.shape[0]}, relu={self.relu}'
