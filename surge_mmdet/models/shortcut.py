"""Shortcuts without parameters around single binary convolutions."""

from typing import Optional

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from ..layers.activations import build_act_layer

PRELU = dict(type='PReLU')


class Shortcut(nn.Module):
    """Brings ``x`` to the shape of ``conv(x)`` without parameters.

    Channels: repeated where the convolution widens (ReActNet, Liu et al.,
    ECCV 2020), averaged in groups where it narrows. Pixels: averaged over
    the stride, or over the border that an unpadded convolution loses.

    Args:
        conv (nn.Conv2d): The convolution it goes around; see :meth:`fits`.

    Raises:
        ValueError: If there is no such way around ``conv``.

    Examples:
        >>> import torch
        >>> conv = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        >>> Shortcut(conv)(torch.zeros(1, 4, 7, 7)).shape
        torch.Size([1, 8, 4, 4])
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        if not self.fits(conv):
            raise ValueError(
                f'no shortcut without parameters goes around {conv}: its '
                'channels must be multiples of each other, its geometry '
                'square. Write base_channels and stem_channels as powers of '
                '2.'
            )
        self.in_channels, self.out_channels = (conv.in_channels, conv.out_channels)
        self.stride, self.lost = conv.stride[0], _lost_border(conv)

    @staticmethod
    def fits(conv: nn.Conv2d) -> bool:
        """Whether channels divide, and the geometry is one of those above."""
        wide, narrow = sorted((conv.out_channels, conv.in_channels), reverse=True)
        square = all(
            len(set(pair)) == 1
            for pair in (conv.stride, conv.padding, conv.dilation, conv.kernel_size)
        )
        lost = _lost_border(conv)
        pixels = lost == 0 or (lost > 0 and conv.stride[0] == 1)
        return wide % narrow == 0 and square and pixels

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to the shape of the convolution's output."""
        x = self.pixels(x)
        if self.out_channels < self.in_channels:
            groups = self.in_channels // self.out_channels
            return x.unflatten(1, (self.out_channels, groups)).mean(2)
        copies = self.out_channels // self.in_channels
        return x if copies == 1 else x.repeat(1, copies, 1, 1)

    def pixels(self, x: Tensor) -> Tensor:
        """Averages to the convolution's height and width; channels stay as they are."""
        if self.stride > 1:
            return F.avg_pool2d(x, self.stride, ceil_mode=True, count_include_pad=False)
        return F.avg_pool2d(x, self.lost + 1, stride=1) if self.lost else x


def _lost_border(conv: nn.Conv2d) -> int:
    """Pixels per axis that a stride of 1 would lose."""
    return conv.dilation[0] * (conv.kernel_size[0] - 1) - 2 * conv.padding[0]


class ShortcutConvModule(ConvModule):
    """Convolution, norm, + shortcut, activation; names as mmcv's ConvModule.

    Args:
        act_cfg (dict | None): Activation after the shortcut.
        shortcut (bool): Whether to have one where it fits.
        **kwargs: As mmcv's ``ConvModule``.
    """

    def __init__(
        self, *args, act_cfg: Optional[dict] = PRELU, shortcut: bool = True, **kwargs
    ) -> None:
        super().__init__(*args, act_cfg=None, **kwargs)
        fits = shortcut and Shortcut.fits(self.conv)
        self.shortcut = Shortcut(self.conv) if fits else None
        self.act = build_act_layer(act_cfg, self.out_channels)

    def forward(self, x: Tensor, *args, **kwargs) -> Tensor:
        """``act(norm(conv(x)) + shortcut(x))``."""
        out = super().forward(x, *args, **kwargs)
        if self.shortcut is not None:
            out = out + self.shortcut(x)
        return self.act(out)
