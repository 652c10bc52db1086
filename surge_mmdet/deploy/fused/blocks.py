"""Blocks of packed detectors: one call per binary convolution, bits handed from one to the next."""

from typing import Optional

import torch
from torch import Tensor, nn

from ...kernels import ops
from ...kernels.ops import Epilogue
from ...layers import RPReLU
from ...models.backbones.binary_blocks import BinaryBasicBlock, BinaryBottleneck
from ...models.shortcut import Shortcut, ShortcutConvModule
from ..packed_layers import PackedConv2d

KNOWN = (nn.Identity, nn.ReLU, nn.Hardtanh, nn.PReLU, RPReLU, nn.LeakyReLU)


def activation_parts(act: nn.Module, channels: int) -> dict:
    """Fields of :class:`ops.Epilogue` that do what ``act`` does.

    Args:
        act (nn.Module): One of :data:`KNOWN`.
        channels (int): Of the maps it works on.
    """

    def wide(values: Tensor) -> Tensor:
        return values.detach().float().flatten().expand(channels).contiguous()

    if isinstance(act, nn.Identity):
        return {}
    if isinstance(act, nn.ReLU):
        return dict(low=0.0)
    if isinstance(act, nn.Hardtanh):  # ReLU6 is one
        return dict(low=float(act.min_val), high=float(act.max_val))
    if isinstance(act, nn.PReLU):
        return dict(slope=wide(act.weight))
    if isinstance(act, RPReLU):
        return dict(
            shift_in=-wide(act.shift_in),
            slope=wide(act.prelu.weight),
            shift_out=wide(act.shift_out),
        )
    return dict(slope=torch.full((channels,), act.negative_slope))


class Fused(nn.Module):
    """A packed convolution with what follows it: shortcut, activation, the next signs.

    Args:
        conv (PackedConv2d): The norm behind it is folded.
        act (nn.Module): One that :func:`activation_parts` knows.
    """

    def __init__(self, conv: PackedConv2d, act: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self._parts = activation_parts(act, conv.layer.outputs)

    def forward(
        self, bits: Tensor, shortcut: Optional[Tensor], following: Optional[PackedConv2d] = None
    ) -> tuple:
        """(real output, its signs for ``following``); all NHWC.

        Args:
            bits (Tensor): Packed signs of the input.
            shortcut (Tensor | None): Of the output's shape.
            following (PackedConv2d | None): That reads the output next.
        """
        threshold = None if following is None else following.threshold
        e = self.epilogue(shortcut)._replace(threshold=threshold)
        # Groups of its own stand apart in its output: their signs cannot be packed on the way.
        signs = reads_signs(following) and self.conv.layer.groups == 1
        return ops.binary_conv(bits, self.conv.weight(), e, signs=signs)

    def epilogue(self, shortcut: Optional[Tensor]) -> Epilogue:
        """All that follows the dot product, but for the signs."""
        return Epilogue(self.conv.scale, self.conv.bias, shortcut, **self._parts)


def reads_signs(conv: Optional[PackedConv2d]) -> bool:
    """Whether signs may be handed to ``conv`` as an epilogue packs them."""
    return conv is not None and conv.layer.groups == 1 and conv.padding_mode == 'zeros'


class PackedBlock(nn.Module):
    """Base: ``run`` takes and gives real maps with their signs, NHWC.

    ``first`` is the convolution that reads the block's signs, None where
    nothing reads them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first: Optional[PackedConv2d] = None

    def run(self, x: Tensor, bits: Optional[Tensor], following: Optional[PackedConv2d]) -> tuple:
        """(output, signs for ``following`` or None)."""
        raise TypeError(f'{type(self).__name__} has no run')

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W'), channels last inside."""
        return to_nchw(self.run(to_nhwc(x), None, None)[0])


def to_nhwc(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1).contiguous()


def to_nchw(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


SIGNS = '_signs_for'  # a tensor's attribute


def with_signs(x: Tensor, conv: Optional[PackedConv2d], bits: Optional[Tensor]) -> Tensor:
    """``x``, which takes its signs along to ``conv``, wherever that reads it."""
    if conv is not None and bits is not None:
        setattr(x, SIGNS, (conv, bits))
    return x


def signs_of(x: Tensor, conv: PackedConv2d) -> Tensor:
    """Signs of (N, C, H, W) for ``conv``: those that came along, or packed here."""
    known, bits = getattr(x, SIGNS, (None, None))
    return bits if known is conv else conv.signs(to_nhwc(x))


def through(module: Optional[nn.Module], x: Tensor) -> Tensor:
    """What an epilogue adds: a real module on a NHWC map, a Shortcut without its channels."""
    if module is None:
        return x
    y = module.pixels(to_nchw(x)) if isinstance(module, Shortcut) else module(to_nchw(x))
    return to_nhwc(y)


class PackedBasicBlock(PackedBlock):
    """:class:`BinaryBasicBlock` in two calls."""

    def __init__(self, block: BinaryBasicBlock) -> None:
        super().__init__()
        self.downsample = block.downsample
        self.fused1, self.fused2 = Fused(block.conv1, block.act1), Fused(block.conv2, block.act2)
        self.first = block.conv1

    @staticmethod
    def fits(block: BinaryBasicBlock) -> bool:
        """Whether both convolutions are packed, their norms folded."""
        return _packed(block, (('conv1', 'norm1', 'act1'), ('conv2', 'norm2', 'act2')))

    def run(self, x: Tensor, bits: Optional[Tensor], following: Optional[PackedConv2d]) -> tuple:
        """Two convolutions, a shortcut around each."""
        bits = self.first.signs(x) if bits is None else bits
        x, bits = self.fused1(bits, through(self.downsample, x), self.fused2.conv)
        return self.fused2(bits, x, following)


class PackedBottleneck(PackedBlock):
    """:class:`BinaryBottleneck` in three calls."""

    def __init__(self, block: BinaryBottleneck) -> None:
        super().__init__()
        self.downsample = block.downsample
        self.shortcut1, self.shortcut2 = block.shortcut1, block.shortcut2
        self.fused1 = Fused(block.conv1, block.act1)
        self.fused2 = Fused(block.conv2, block.act2)
        self.fused3 = Fused(block.conv3, block.act3)
        self.first = block.conv1

    @staticmethod
    def fits(block: BinaryBottleneck) -> bool:
        """Whether all convolutions are packed, their norms folded, without plugins."""
        parts = tuple((f'conv{i}', f'norm{i}', f'act{i}') for i in (1, 2, 3))
        return not block.with_plugins and _packed(block, parts)

    def run(self, x: Tensor, bits: Optional[Tensor], following: Optional[PackedConv2d]) -> tuple:
        """Three convolutions, a shortcut around each."""
        bits = self.first.signs(x) if bits is None else bits
        identity = through(self.downsample, x)
        y, bits = self.fused1(bits, through(self.shortcut1, x), self.fused2.conv)
        y, bits = self.fused2(bits, through(self.shortcut2, y), self.fused3.conv)
        return self.fused3(bits, identity, following)


class PackedShortcutConv(PackedBlock):
    """:class:`ShortcutConvModule` in one call, with an activation behind it if there is one."""

    def __init__(self, module: ShortcutConvModule, act: Optional[nn.Module] = None) -> None:
        super().__init__()
        self.shortcut = module.shortcut
        self.fused = Fused(module.conv, module.act if act is None else act)
        self.first = module.conv

    @staticmethod
    def fits(module: ShortcutConvModule) -> bool:
        """Whether the convolution is packed and its norm folded."""
        norm_done = not module.with_norm or isinstance(module.norm, nn.Identity)
        known = isinstance(module.act, KNOWN)
        zeros = getattr(module.conv, 'padding_mode', '') == 'zeros'
        return isinstance(module.conv, PackedConv2d) and zeros and norm_done and known

    def run(self, x: Tensor, bits: Optional[Tensor], following: Optional[PackedConv2d]) -> tuple:
        """One convolution and its shortcut."""
        bits = self.first.signs(x) if bits is None else bits
        shortcut = None if self.shortcut is None else through(self.shortcut, x)
        return self.fused(bits, shortcut, following)


def _packed(block: nn.Module, parts: tuple) -> bool:
    return all(
        isinstance(getattr(block, conv), PackedConv2d)
        and reads_signs(getattr(block, conv))
        and isinstance(getattr(block, norm), nn.Identity)
        and isinstance(getattr(block, act), KNOWN)
        for conv, norm, act in parts
    )


def run_chain(modules: list, x: Tensor) -> list:
    """Outputs (NCHW) of modules one after another, signs handed on between packed blocks."""
    outs, bits = [], None
    for module, following in zip(modules, [*modules[1:], None], strict=True):
        if isinstance(module, PackedBlock):
            reader = following.first if isinstance(following, PackedBlock) else None
            y, bits = module.run(to_nhwc(x), bits, reader)
            x = to_nchw(y)
        else:
            x, bits = module(x), None
        outs.append(x)
    return outs


class PackedStage(nn.Sequential):
    """A stage of packed blocks."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the stage's output."""
        return run_chain(list(self), x)[-1]
