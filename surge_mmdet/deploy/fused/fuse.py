"""Packed blocks in place of a packed model's own, for speed; the weights stay the same."""

from typing import Optional

import torch
from mmdet.models.necks.ssd_neck import L2Norm
from torch import nn

from ...convert import swap
from ...models import BinaryFPN, BinarySSDVGG
from ...models.backbones.binary_blocks import BinaryBasicBlock, BinaryBottleneck
from ...models.shortcut import ShortcutConvModule
from ..int8 import compute_of
from .blocks import (
    PackedBasicBlock,
    PackedBlock,
    PackedBottleneck,
    PackedShortcutConv,
    PackedStage,
)
from .box_head import pack_box_head
from .fpn import PackedFPN
from .nms import use_packed_nms
from .real_conv import RealConv2d
from .roi import PackedRoIExtractor
from .rpn import FewCandidates, PackedRPNHead, hand_signs_on
from .ssd import PackedL2Norm, PackedSSDHead
from .stem import pack_stem
from .vgg import PackedVGG

TWINS = {
    BinaryBasicBlock: PackedBasicBlock,
    BinaryBottleneck: PackedBottleneck,
    ShortcutConvModule: PackedShortcutConv,
}


def _block(name: str, module: nn.Module) -> Optional[nn.Module]:
    if type(module) is BinarySSDVGG:
        return PackedVGG(module)
    if type(module) is BinaryFPN and PackedFPN.fits(module):
        return PackedFPN(module)
    if PackedSSDHead.fits(module):
        return PackedSSDHead.of(module)
    if type(module) is L2Norm:
        return PackedL2Norm.of(module)
    for kind in (PackedRPNHead, FewCandidates):
        if kind.fits(module):
            return kind.of(module)
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
    for module in list(model.modules()):
        pack_stem(module)
        pack_box_head(module, compute)
        hand_signs_on(module)
    swap(model, lambda _, m: RealConv2d.of(m) if RealConv2d.fits(m) else None)
    use_packed_nms(model)
    return model.to(memory_format=torch.channels_last)
