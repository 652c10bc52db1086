"""The feature pyramid of packed detectors, its additions inside the convolutions."""

from typing import Optional

import torch.nn.functional as F
from torch import Tensor, nn

from ..kernels import maps
from ..kernels.ops import binary_conv
from ..models import BinaryFPN
from ..models.shortcut import Shortcut
from .blocks import PackedShortcutConv, reads_signs, to_nchw, to_nhwc

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
            out, above = self._level(i, to_nhwc(levels[i]), above)
            outs.append(to_nchw(out))
        outs.reverse()
        while len(outs) < self.num_outs:
            outs.append(F.max_pool2d(outs[-1], 1, stride=2))
        return tuple(outs)

    def _level(self, i: int, x: Tensor, above: Optional[Tensor]) -> tuple:
        """(output, lateral map) of a level; of the finest one, only its output adds the latter."""
        lateral, output = self.lateral[i], self.output[i]
        bits = lateral.first.signs(x)
        if i > 0 or not self._onto:
            above, signs = lateral.fused(bits, above, output.first)
            return output.run(above, signs, None)[0], above
        weight, e = lateral.first.weight(), lateral.fused.epilogue(above)
        threshold = output.first.threshold
        _, signs = binary_conv(bits, weight, e._replace(threshold=threshold), False, True)
        own = (signs, output.first.weight(), output.fused.epilogue(None))
        return maps.binary_conv_onto(*own, bits, weight, e), None
