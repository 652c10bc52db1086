"""Residual blocks of binary networks, on top of mmdet's."""
from typing import Optional

import torch.utils.checkpoint as cp
from mmcv.cnn import build_activation_layer
from mmdet.models.backbones.resnet import BasicBlock
from torch import Tensor, nn


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

    def __init__(self, *args, act_cfg: dict, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        del self.relu
        self.act1 = build_activation(act_cfg, self.conv1.out_channels)
        self.act2 = build_activation(act_cfg, self.conv2.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inplanes, H, W) to (N, planes, H / stride, W / stride)."""
        if self.with_cp and x.requires_grad:
            return cp.checkpoint(self._forward, x, use_reentrant=False)
        return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        x = self.act1(self.norm1(self.conv1(x)) + identity)
        return self.act2(self.norm2(self.conv2(x)) + x)


def refuse_relu(cfg: Optional[dict]) -> None:
    """Raise ValueError for an activation without negative values."""
    if cfg and cfg['type'] in ('ReLU', 'ReLU6'):
        raise ValueError(
            'ReLU in front of a binary layer makes sign(x) = +1 everywhere. '
            "Write act_cfg=dict(type='PReLU') or dict(type='Hardtanh').")


def build_activation(cfg: dict, channels: int):
    """Activation layer; PReLU gets one slope per channel."""
    refuse_relu(cfg)
    cfg = dict(cfg)
    if cfg['type'] == 'PReLU':
        cfg.setdefault('num_parameters', channels)
    if cfg['type'] == 'Hardtanh':  # not registered by mmcv
        options = {k: v for k, v in cfg.items() if k != 'type'}
        return nn.Hardtanh(**options)
    return build_activation_layer(cfg)
