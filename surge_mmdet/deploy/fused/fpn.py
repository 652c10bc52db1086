"""The feature pyramid of packed detectors, its additions inside the convolutions."""

from typing import Optional

import torch.nn.functional as F
from torch import Tensor, nn

from ...kernels import bands
from ...kernels.ops import binary_conv
from ...models import BinaryFPN
from ...models.shortcut import Shortcut
from ..packed_layers import PackedConv2d
from .blocks import PackedShortcutConv, reads_signs, to_nchw, to_nhwc, with_signs

NEAREST = dict(mode='nearest')  # convolutions read such shortcuts without making them


def _is_same(shortcut: Optional[nn.Module]) -> bool:
    """Whether it hands its input on."""
    if not isinstance(shortcut, Shortcut):
        return False
    channels = shortcut.in_channels == shortcut.out_channels
    return channels and shortcut.stride == 1 and not shortcut.lost


class PackedFPN(nn.Module):
    """:class:`BinaryFPN` in which a lateral convolution adds the level above by itself.

    Args:
        neck (BinaryFPN): Packed.
    """

    def __init__(self, neck: BinaryFPN) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(PackedShortcutConv(m) for m in neck.lateral_convs)
        self.output = nn.ModuleList(PackedShortcutConv(m) for m in neck.fpn_convs)
        self.start, self.num_outs = neck.start_level, neck.num_outs
        self.upsample = dict(neck.upsample_cfg)
        self.pack_signs_for(None)
        self._onto = _is_same(self.output[0].shortcut) and reads_signs(self.output[0].first)

    @staticmethod
    def fits(neck: BinaryFPN) -> bool:
        """Whether all of it is packed, and further levels come from pooling."""
        convs = [*neck.lateral_convs, *neck.fpn_convs]
        return (
            all(PackedShortcutConv.fits(conv) for conv in convs)
            and not neck.add_extra_convs
            and 'scale_factor' not in neck.upsample_cfg
            and all(isinstance(conv.act, nn.Identity) for conv in neck.lateral_convs)
        )

    def forward(self, inputs: tuple) -> tuple:
        """(N, C_i, H_i, W_i) each to (N, C, H_i, W_i), and more levels by pooling."""
        outs, above = [], None
        levels = inputs[self.start : self.start + len(self.lateral)]
        for i in reversed(range(len(levels))):
            if above is not None and self.upsample != NEAREST:
                size = levels[i].shape[2:]
                above = to_nhwc(F.interpolate(to_nchw(above), size=size, **self.upsample))
            out, signs, above = self._level(i, to_nhwc(levels[i]), above)
            outs.append(with_signs(to_nchw(out), self.reader, signs))
        outs.reverse()
        while len(outs) < self.num_outs:
            outs.append(F.max_pool2d(outs[-1], 1, stride=2))
        return tuple(outs)

    @property
    def reader(self) -> Optional[PackedConv2d]:
        """The convolution that reads the signs of all outputs, if there is one."""
        return self._reader[0]

    def pack_signs_for(self, conv: Optional[PackedConv2d]) -> None:
        """Let ``conv`` be the :attr:`reader`; None for nobody."""
        self._reader = (conv,)  # in a tuple it is no module of the neck

    def _level(self, i: int, x: Tensor, above: Optional[Tensor]) -> tuple:
        """(output, its signs, lateral map); the finest level has no lateral map of its own."""
        lateral, output = self.lateral[i], self.output[i]
        bits = lateral.first.signs(x)
        if i > 0 or not self._onto:
            above, signs = lateral.fused(bits, above, output.first)
            return *output.run(above, signs, self.reader), above
        weight, e = lateral.first.weight(), lateral.fused.epilogue(above)
        threshold = output.first.threshold
        _, signs = binary_conv(bits, weight, e._replace(threshold=threshold), False, True)
        own = output.fused.epilogue(None)
        if self.reader is not None:
            own = own._replace(threshold=self.reader.threshold)
        given = (signs, output.first.weight(), own, bits, weight, e)
        return *bands.binary_conv_onto(*given, signs=reads_signs(self.reader)), None
