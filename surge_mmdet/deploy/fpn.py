"""The feature pyramid of packed detectors, its additions inside the convolutions."""

import torch.nn.functional as F
from torch import nn

from ..models import BinaryFPN
from .blocks import PackedShortcutConv, to_nchw, to_nhwc

NEAREST = dict(mode='nearest')  # convolutions read such shortcuts without making them


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
        for x, lateral, output in reversed(
            list(zip(levels, self.lateral, self.output, strict=True))
        ):
            if above is not None and self.upsample != NEAREST:
                size = x.shape[2:]
                above = to_nhwc(F.interpolate(to_nchw(above), size=size, **self.upsample))
            bits = lateral.first.signs(to_nhwc(x))
            above, bits = lateral.fused(bits, above, output.first)
            outs.append(to_nchw(output.run(above, bits, None)[0]))
        outs.reverse()
        while len(outs) < self.num_outs:
            outs.append(F.max_pool2d(outs[-1], 1, stride=2))
        return tuple(outs)
