"""Real convolutions and poolings between binary convolutions, with what follows them."""

from typing import Optional

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ...kernels import bands, maps
from ...kernels.maps import Window
from ...kernels.ops import Epilogue, Filter
from ...models.shortcut import ShortcutConvModule
from ..fold import norm_affine
from ..packed_layers import PackedConv2d
from .blocks import (
    KNOWN,
    PackedBlock,
    PackedShortcutConv,
    activation_parts,
    reads_signs,
    through,
)
from .real_conv import RealConv2d

MOST_PRODUCTS = 256  # of one output, whose filters stay in the first level cache


class PackedRealConv(PackedBlock):
    """A real :class:`ShortcutConvModule`; shortcut, activation and signs in the pass or behind it.

    A convolution of few channels has a kernel of its own, others are PyTorch's.
    """

    def __init__(self, module: ShortcutConvModule, act: Optional[nn.Module] = None) -> None:
        super().__init__()
        self.conv, self.shortcut = RealConv2d.of(module.conv), module.shortcut
        act = module.act if act is None else act
        self._parts = activation_parts(act, self.conv.out_channels)
        self._direct = direct_of(self.conv)

    @staticmethod
    def fits(module: ShortcutConvModule) -> bool:
        """Whether the norm is folded and the activation known."""
        norm_done = not module.with_norm or isinstance(module.norm, nn.Identity)
        return RealConv2d.fits(module.conv) and norm_done and isinstance(module.act, KNOWN)

    def run(self, x: Tensor, bits: Optional[Tensor], following: Optional[PackedConv2d]) -> tuple:
        """One convolution and its shortcut."""
        shortcut = None if self.shortcut is None else through(self.shortcut, x)
        threshold = None if following is None else following.threshold
        e = Epilogue(shortcut=shortcut, threshold=threshold, **self._parts)
        signs = reads_signs(following)
        if self._direct is None:
            return maps.pool(self.conv.nhwc(x), Window(), e, signs=signs)
        weight, affine = self._direct
        return maps.direct_conv(x, weight, e._replace(**affine), signs=signs)


def direct_of(conv: RealConv2d) -> Optional[tuple]:
    """(weights, scale and bias) for :func:`maps.direct_conv` where it suits ``conv``."""
    products = conv.weight[0].numel()
    if conv.groups > 1 or conv.dilation != (1, 1) or products > MOST_PRODUCTS:
        return None
    geometry = (conv.kernel_size, conv.stride, conv.padding)
    layer = Filter(conv.in_channels, conv.out_channels, 1, *geometry)
    affine = dict(scale=torch.ones(conv.out_channels), bias=conv.bias)
    return maps.direct_weight(conv.weight.detach(), layer), {} if conv.bias is None else affine


class PackedPool(PackedBlock):
    """Max pooling and the batch norm behind it.

    Args:
        pool (nn.MaxPool2d): One that :meth:`Window.fits`.
        norm (nn.Module | None): In eval mode; None or ``nn.Identity`` for none.
    """

    def __init__(self, pool: nn.MaxPool2d, norm: Optional[nn.Module] = None) -> None:
        super().__init__()
        self.window = Window.of(pool)
        self.affine = Epilogue(**_affine(norm)) if isinstance(norm, _BatchNorm) else Epilogue()

    @classmethod
    def of(cls, module: nn.Module) -> Optional['PackedPool']:
        """The twin of a pooling, or of a pooling and a norm in a Sequential; None of others."""
        parts = list(module) if isinstance(module, nn.Sequential) else [module]
        known = (nn.Identity, _BatchNorm)
        if not parts or len(parts) > 2 or not Window.fits(parts[0]):
            return None
        return cls(*parts) if all(isinstance(part, known) for part in parts[1:]) else None

    def run(self, x: Tensor, bits: Optional[Tensor], following: Optional[PackedConv2d]) -> tuple:
        """Maxima, their norm, their signs."""
        threshold = None if following is None else following.threshold
        e = self.affine._replace(threshold=threshold)
        return maps.pool(x, self.window, e, signs=reads_signs(following))


def _affine(norm: _BatchNorm) -> dict:
    scale, bias = norm_affine(norm)
    return dict(scale=scale.float(), bias=bias.float())


class PackedPooledConv(PackedBlock):
    """A binary convolution and the pooling behind it, whose full map is never in memory."""

    def __init__(self, conv: PackedShortcutConv, pool: PackedPool) -> None:
        super().__init__()
        self.conv, self.pool, self.first = conv, pool, conv.first

    @staticmethod
    def fits(conv: nn.Module, pool: nn.Module) -> bool:
        """Whether the windows lie side by side."""
        kinds = isinstance(conv, PackedShortcutConv) and isinstance(pool, PackedPool)
        return kinds and pool.window.apart

    def run(self, x: Tensor, bits: Optional[Tensor], following: Optional[PackedConv2d]) -> tuple:
        """Convolution, shortcut, activation, maxima, norm and signs."""
        bits = self.first.signs(x) if bits is None else bits
        shortcut = self.conv.shortcut and through(self.conv.shortcut, x)
        threshold = None if following is None else following.threshold
        return bands.binary_conv_pool(
            bits,
            self.first.weight(),
            self.conv.fused.epilogue(shortcut),
            self.pool.window,
            self.pool.affine._replace(threshold=threshold),
            signs=reads_signs(following),
        )
