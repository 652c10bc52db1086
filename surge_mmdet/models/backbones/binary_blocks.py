"""Residual blocks of binary networks, on top of mmdet's."""

import torch.utils.checkpoint as cp
from mmdet.models.backbones.resnet import BasicBlock, Bottleneck
from torch import Tensor

from ...layers.activations import build_act_layer
from ..shortcut import Shortcut


class BinaryBasicBlock(BasicBlock):
    """Two 3x3 convolutions with a shortcut around each (Bi-Real Net).

    sign, convolution, BN, + shortcut, activation; twice. The sign belongs
    to the binary convolution. Parameter names are those of mmdet's block, so
    that real-valued checkpoints load.

    Args:
        act_cfg (dict): Activation after each shortcut; never a plain ReLU
            in front of a binary layer, whose sign would be constant.
        **kwargs: As mmdet's ``BasicBlock``.
    """

    last_norm = 'norm2'

    def __init__(self, *args, act_cfg: dict, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        del self.relu
        self.act1 = build_act_layer(act_cfg, self.conv1.out_channels)
        self.act2 = build_act_layer(act_cfg, self.conv2.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inplanes, H, W) to (N, planes, H / stride, W / stride)."""
        if self.with_cp and x.requires_grad:
            return cp.checkpoint(self._forward, x, use_reentrant=False)
        return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        x = self.act1(self.norm1(self.conv1(x)) + identity)
        return self.act2(self.norm2(self.conv2(x)) + x)


class BinaryBottleneck(Bottleneck):
    """1x1, 3x3 and 1x1 convolutions with a shortcut around each.

    The block's own shortcut goes around the last convolution; the other two
    have shortcuts without parameters
    (:class:`~surge_mmdet.models.shortcut.Shortcut`), so that real values
    reach every sign. Parameter names are those of mmdet's block.

    Args:
        act_cfg (dict): Activation after each shortcut.
        **kwargs: As mmdet's ``Bottleneck``.
    """

    last_norm = 'norm3'

    def __init__(self, *args, act_cfg: dict, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        del self.relu
        self.shortcut1 = Shortcut(self.conv1)
        self.shortcut2 = Shortcut(self.conv2)
        self.act1 = build_act_layer(act_cfg, self.planes)
        self.act2 = build_act_layer(act_cfg, self.planes)
        self.act3 = build_act_layer(act_cfg, self.planes * self.expansion)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inplanes, H, W) to (N, 4 planes, H / stride, W / stride)."""
        if self.with_cp and x.requires_grad:
            return cp.checkpoint(self._forward, x, use_reentrant=False)
        return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        x = self.act1(self.norm1(self.conv1(x)) + self.shortcut1(x))
        x = self._plugins(x, 'after_conv1_plugin_names')
        x = self.act2(self.norm2(self.conv2(x)) + self.shortcut2(x))
        x = self._plugins(x, 'after_conv2_plugin_names')
        x = self._plugins(self.norm3(self.conv3(x)), 'after_conv3_plugin_names')
        return self.act3(x + identity)

    def _plugins(self, x: Tensor, names: str) -> Tensor:
        return self.forward_plugin(x, getattr(self, names, ()))
