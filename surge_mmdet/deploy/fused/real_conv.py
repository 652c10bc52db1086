"""Real convolutions of packed detectors, on maps that are channels last."""

import logging

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import to_nchw, to_nhwc


class RealConv2d(nn.Conv2d):
    """``nn.Conv2d`` for inference on a CPU; the same parameters and, but for rounding, values.

    One pixel wide, it is a matrix product of the map as it lies: PyTorch has
    no fast convolution for that. Otherwise its weights are brought into
    oneDNN's order once, not in every call.
    """

    _prepared: Tensor | bool | None = None  # False where oneDNN does not take them

    @staticmethod
    def fits(conv: nn.Module) -> bool:
        """Whether it is a plain float32 convolution."""
        return (
            type(conv) is nn.Conv2d
            and conv.padding_mode == 'zeros'
            and not isinstance(conv.padding, str)
            and conv.weight.dtype == torch.float32
        )

    @classmethod
    def of(cls, conv: nn.Conv2d) -> 'RealConv2d':
        """The same convolution."""
        twin = cls.__new__(cls)
        twin.__dict__.update(conv.__dict__)
        return twin

    @property
    def is_product(self) -> bool:
        """Whether each output is a matrix product of one pixel."""
        return (self.kernel_size, self.padding, self.groups) == ((1, 1), (0, 0), 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, O, H', W'), channels last."""
        if self.is_product:
            return to_nchw(self._product(x.permute(0, 2, 3, 1)))
        x = x.contiguous(memory_format=torch.channels_last)
        if not _onednn_takes(x):
            return super().forward(x)
        if self._prepared is None:
            self._prepare(x)
        return self._in_onednn(x) if isinstance(self._prepared, Tensor) else super().forward(x)

    def nhwc(self, x: Tensor) -> Tensor:
        """(N, H, W, C) to (N, H', W', O)."""
        return to_nhwc(self(to_nchw(x)))

    def _product(self, x: Tensor) -> Tensor:
        x = x[:, :: self.stride[0], :: self.stride[1]]
        return F.linear(x, self.weight.flatten(1), self.bias)

    @property
    def _geometry(self) -> tuple:
        return self.padding, self.stride, self.dilation, self.groups

    def _in_onednn(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(
            x, self._prepared, self.bias, *self._geometry, 'none', [], ''
        )

    def _prepare(self, x: Tensor) -> None:
        """Weights in oneDNN's own order. PyTorch promises neither operator: tried once."""
        try:
            self._prepared = torch._C._nn.mkldnn_reorder_conv2d_weight(
                self.weight.detach().contiguous().to_mkldnn(), *self._geometry, list(x.shape)
            )
            self._in_onednn(x)
        except (AttributeError, RuntimeError, TypeError) as error:
            self._prepared = False
            logging.getLogger(__name__).warning(
                'real convolutions run without prepared weights, which this PyTorch does not '
                'take: %s',
                error,
            )

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_prepared': None}  # oneDNN's tensors cannot be copied

    def _forget(self) -> None:
        """What was made from the weights."""
        self._prepared = None

    def _apply(self, fn, recurse: bool = True):
        self._forget()
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, *args, **kwargs):
        self._forget()
        super()._load_from_state_dict(*args, **kwargs)


def _onednn_takes(x: Tensor) -> bool:
    enabled = torch.backends.mkldnn.is_available() and torch._C._get_mkldnn_enabled()
    return enabled and x.dtype == torch.float32 and len(x) > 0
