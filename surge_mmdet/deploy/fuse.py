"""Packed blocks in place of a packed model's own, for speed; the weights stay the same."""

from typing import Optional

import torch
from mmdet.models.necks.ssd_neck import L2Norm
from torch import Tensor, nn

from ..convert import swap
from ..models import BinaryFPN, BinaryRPNHead, BinarySSDVGG
from ..models.backbones.binary_blocks import BinaryBasicBlock, BinaryBottleneck
from ..models.shortcut import ShortcutConvModule
from .blocks import (
    Fused,
    PackedBasicBlock,
    PackedBlock,
    PackedBottleneck,
    PackedShortcutConv,
    PackedStage,
    reads_signs,
    to_nchw,
    to_nhwc,
)
from .box_head import pack_box_head
from .fpn import PackedFPN
from .int8 import compute_of
from .nms import use_packed_nms
from .packed_layers import PackedConv2d
from .real_conv import RealConv2d
from .roi import PackedRoIExtractor
from .ssd import PackedL2Norm, PackedSSDHead
from .vgg import PackedVGG

TWINS = {
    BinaryBasicBlock: PackedBasicBlock,
    BinaryBottleneck: PackedBottleneck,
    ShortcutConvModule: PackedShortcutConv,
}


class PackedTrunk(nn.Module):
    """What an RPN head has in front of its predictions."""

    def __init__(self, conv: PackedConv2d) -> None:
        super().__init__()
        self.fused = Fused(conv, nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        x = to_nhwc(x)
        layer = self.fused.conv.layer
        shortcut = x if layer.channels == layer.outputs and layer.stride == (1, 1) else None
        return to_nchw(self.fused(self.fused.conv.signs(x), shortcut)[0])


def _block(name: str, module: nn.Module) -> Optional[nn.Module]:
    if isinstance(module, BinarySSDVGG):
        return PackedVGG(module)
    if type(module) is BinaryFPN and PackedFPN.fits(module):
        return PackedFPN(module)
    if PackedSSDHead.fits(module):
        return PackedSSDHead.of(module)
    if type(module) is L2Norm:
        return PackedL2Norm.of(module)
    if PackedRoIExtractor.fits(module):
        return PackedRoIExtractor.of(module)
    twin = TWINS.get(type(module))
    return twin(module) if twin is not None and twin.fits(module) else None


def _stage(name: str, module: nn.Module) -> Optional[nn.Module]:
    blocks = list(module) if isinstance(module, nn.Sequential) else []
    if blocks and all(isinstance(block, PackedBlock) for block in blocks):
        return PackedStage(*blocks)
    return None


def fuse(model: nn.Module, real_compute: Optional[str] = None) -> nn.Module:
    """Let a packed model run each binary convolution and what follows it in one call.

    Args:
        model (nn.Module): From :func:`pack_model`; changed in place. Its state
            dict has other names afterwards: save before, fuse after loading.
        real_compute (str | None): See :func:`int8.compute_of`.
    """
    compute = compute_of(real_compute)
    swap(model, _block)
    swap(model, _stage)
    swap(model, lambda _, m: RealConv2d.of(m) if RealConv2d.fits(m) else None)
    for module in list(model.modules()):
        if isinstance(module, BinaryRPNHead) and _has_packed_trunk(module):
            module.trunk = PackedTrunk(module.rpn_conv)
        pack_box_head(module, compute)
    use_packed_nms(model)
    return model.to(memory_format=torch.channels_last)


def _has_packed_trunk(head: BinaryRPNHead) -> bool:
    conv = head.rpn_conv
    packed = isinstance(conv, PackedConv2d) and reads_signs(conv)
    return packed and isinstance(head.rpn_norm, nn.Identity)
