"""Parts of SSD that stay real in packed detectors: predictions and the norm of the first level."""

from typing import Optional

import torch
from mmdet.models.necks.ssd_neck import L2Norm
from torch import Tensor, nn

from ...models import BinarySSDHead
from .blocks import to_nchw, to_nhwc
from .real_conv import RealConv2d
from .winograd import Winograd, winograd_conv, winograd_weight

LEAST_PIXELS, LEAST_CHANNELS = 256, 256  # below, transforms cost more than products


class Prediction(RealConv2d):
    """A 3x3 convolution that is a product of fewer numbers on large maps of many channels.

    Nothing takes the signs of what it gives, so the last digits matter little.
    """

    _winograd: Optional[Winograd] = None

    def nhwc(self, x: Tensor) -> Tensor:
        """(N, H, W, C) to (N, H', W', O)."""
        large = x.shape[1] * x.shape[2] >= LEAST_PIXELS and x.shape[3] >= LEAST_CHANNELS
        if not large or _geometry(self) != ((3, 3), (1, 1), (1, 1), (1, 1), 1):
            return super().nhwc(x)
        if self._winograd is None:
            self._winograd = winograd_weight(self.weight)
        return winograd_conv(x, self._winograd, self.bias)

    def _forget(self) -> None:
        self._winograd = None
        super()._forget()


class PackedSSDHead(BinarySSDHead):
    """:class:`BinarySSDHead` with one convolution per level for classes and boxes."""

    @staticmethod
    def fits(head: nn.Module) -> bool:
        """Whether each level has one plain convolution for either, of the same geometry."""
        return type(head) is BinarySSDHead and all(
            len(cls) == len(reg) == 1
            and all(RealConv2d.fits(conv) and conv.bias is not None for conv in (cls[0], reg[0]))
            and _geometry(cls[0]) == _geometry(reg[0])
            and cls[0].groups == 1
            for cls, reg in zip(head.cls_convs, head.reg_convs, strict=True)
        )

    @classmethod
    def of(cls, head: BinarySSDHead) -> 'PackedSSDHead':
        """The same head; its ``cls_convs`` and ``reg_convs`` become ``predictions``."""
        twin = cls.__new__(cls)
        twin.__dict__.update(head.__dict__)
        twin._modules = dict(head._modules)
        of_level = [twin._modules.pop(name) for name in ('cls_convs', 'reg_convs')]
        pairs = [(cls[0], reg[0]) for cls, reg in zip(*of_level, strict=True)]
        twin.predictions = nn.ModuleList(Prediction.of(_joined(*pair)) for pair in pairs)
        twin._classes = [cls.out_channels for cls, _ in pairs]
        return twin

    def forward(self, x: tuple) -> tuple:
        """Maps (N, C_i, H_i, W_i) to class scores and box offsets of each level."""
        scores, offsets = [], []
        for feat, conv, classes in zip(x, self.predictions, self._classes, strict=False):
            both = conv.nhwc(to_nhwc(feat))
            scores.append(to_nchw(both[..., :classes]))
            offsets.append(to_nchw(both[..., classes:]))
        return scores, offsets


def _geometry(conv: nn.Conv2d) -> tuple:
    return conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups


@torch.no_grad()
def _joined(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """Outputs of two convolutions one after another."""
    outputs = first.out_channels + second.out_channels
    both = nn.Conv2d(first.in_channels, outputs, *_geometry(first))
    both.weight = nn.Parameter(torch.cat([first.weight, second.weight]), requires_grad=False)
    both.bias = nn.Parameter(torch.cat([first.bias, second.bias]), requires_grad=False)
    return both.eval()


class PackedL2Norm(L2Norm):
    """mmdet's ``L2Norm`` in two passes over a map; the same numbers but for rounding."""

    @classmethod
    def of(cls, norm: L2Norm) -> 'PackedL2Norm':
        """The same norm."""
        twin = cls.__new__(cls)
        twin.__dict__.update(norm.__dict__)
        return twin

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, each pixel of length 1 times the weights."""
        length = torch.linalg.vector_norm(x, dim=1, keepdim=True) + self.eps
        return (x * self.weight[None, :, None, None]).div_(length)
