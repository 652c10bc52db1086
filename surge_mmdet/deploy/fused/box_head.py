"""The box head of packed detectors: it reads regions as its extractor writes them."""

from typing import Optional, Union

import torch
from mmcv.cnn.bricks.wrappers import Linear
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from torch import Tensor, nn

from ...kernels import ops
from ...kernels.int8 import Int8Rows, quantize_rows
from ...kernels.ops import Filter
from ...models import BinaryShared2FCBBoxHead
from ..int8 import Int8Linear, fits_int8
from ..packed_layers import PackedConv2d, PackedLinear
from .blocks import KNOWN, Fused
from .roi import PackedRoIExtractor

REAL_LINEAR = (nn.Linear, Linear)  # mmcv's differs for empty input only


class FloatTrunk(nn.Module):
    """The shared layers of ``Shared2FCBBoxHead``, their input in the order of its memory.

    Args:
        head (Shared2FCBBoxHead): Whose weights it takes over.
    """

    form = 'float'
    threshold: Optional[Tensor] = None

    def __init__(self, head: Shared2FCBBoxHead) -> None:
        super().__init__()
        first, second = head.shared_fcs
        self.first = nn.Linear(first.in_features, first.out_features, first.bias is not None)
        self.first.weight.data = _channels_last(first.weight.detach(), head)
        self.first.bias, self.second = first.bias, second
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """(K, C, h, w) to (K, width)."""
        x = self.first(x.permute(0, 2, 3, 1).flatten(1)).relu_()
        return self.second(x).relu_()


class Int8Trunk(nn.Module):
    """:class:`FloatTrunk` with products of int8."""

    form = 'int8'
    threshold: Optional[Tensor] = None

    def __init__(self, head: Shared2FCBBoxHead) -> None:
        super().__init__()
        trunk = FloatTrunk(head)
        self.first, self.second = Int8Linear(trunk.first, True), Int8Linear(trunk.second, True)

    def forward(self, x: Int8Rows) -> Tensor:
        """Rows of h * w * C to (K, width)."""
        return self.second(quantize_rows(self.first(x)))


class SignTrunk(nn.Module):
    """The shared layers of :class:`BinaryShared2FCBBoxHead` on bits, in two calls.

    Args:
        head (BinaryShared2FCBBoxHead): Packed.
    """

    form = 'signs'

    def __init__(self, head: BinaryShared2FCBBoxHead) -> None:
        super().__init__()
        first, second = head.shared_fcs
        self.register_buffer('threshold', None)
        if first.threshold is not None:
            self.threshold = _channels_last(first.threshold[None], head)[0]
        self.first = Fused(_over_regions(first, head), head.shared_acts[0])
        self.second = Fused(second, head.shared_acts[1])

    @staticmethod
    def fits(head: nn.Module) -> bool:
        """Whether both layers are packed, their norms folded."""
        return (
            type(head) is BinaryShared2FCBBoxHead
            and all(isinstance(fc, PackedLinear) for fc in head.shared_fcs)
            and all(isinstance(norm, nn.Identity) for norm in head.shared_norms)
            and all(isinstance(act, KNOWN) for act in head.shared_acts)
        )

    def forward(self, bits: Tensor) -> Tensor:
        """(K, h, w, words) to (K, width)."""
        count, first, second = len(bits), self.first.conv, self.second.conv
        if not count:
            return self.second.conv.bias.new_empty(0, second.layer.outputs)
        x, bits = self.first(_regions(bits, first.layer), None, second)
        x, bits = x.view(1, 1, count, -1), bits.view(1, 1, count, -1)
        same = x.shape[3] == second.layer.outputs
        return self.second(bits, x if same else None)[0][0, 0]


def _channels_last(weight: Tensor, head: nn.Module) -> Tensor:
    """(outputs, C * h * w) to (outputs, h * w * C)."""
    height, width = head.roi_feat_size
    return weight.unflatten(1, (-1, height, width)).permute(0, 2, 3, 1).flatten(1).contiguous()


def _over_regions(linear: PackedLinear, head: nn.Module) -> PackedConv2d:
    """``linear`` as a convolution on :func:`_regions`."""
    size, outputs = tuple(head.roi_feat_size), linear.layer.outputs
    channels = linear.layer.channels // (size[0] * size[1])
    layer = Filter(channels, outputs, 1, size, (size[0], 1))
    signs = ops.unpack_signs(linear.bits.flatten(1), linear.layer.channels)
    bits = ops.pack_signs(_channels_last(signs, head).view(outputs, *size, channels))
    if channels % ops.BITS == 0:
        layer, bits = linear.layer, bits.view(outputs, 1, 1, -1)
    conv = PackedConv2d(layer)
    conv.bits, conv.scale, conv.bias = bits, linear.scale, linear.bias
    return conv


def _regions(bits: Tensor, layer: Filter) -> Tensor:
    """Bits (K, h, w, words) as a map.

    Where words have no gaps each region is one pixel of a row; else they lie
    below each other, and the filter steps from one to the next.
    """
    if layer.kernel == (1, 1):
        return bits.flatten(1)[None, None]
    return bits.flatten(0, 1)[None]


class PackedBoxHead(Shared2FCBBoxHead):
    """mmdet's ``Shared2FCBBoxHead`` with a trunk that reads what its extractor gives.

    Scores and offsets come from one product.
    """

    trunk: nn.Module
    predictions: nn.Linear

    @classmethod
    def of(cls, head: Shared2FCBBoxHead, trunk: nn.Module) -> 'PackedBoxHead':
        """The same head behind ``trunk``."""
        twin = cls.__new__(cls)
        twin.__dict__.update(head.__dict__)
        parts = (head.fc_cls, head.fc_reg)
        both = nn.Linear(parts[0].in_features, sum(part.out_features for part in parts))
        with torch.no_grad():
            both.weight.copy_(torch.cat([part.weight for part in parts]))
            both.bias.copy_(torch.cat([part.bias for part in parts]))
        twin.trunk, twin.predictions = trunk, both.requires_grad_(False)
        taken = ('shared_fcs', 'shared_norms', 'shared_acts', 'fc_cls', 'fc_reg')
        twin._modules = {k: v for k, v in twin._modules.items() if k not in taken}
        return twin

    def forward(self, x: Union[Tensor, Int8Rows]) -> tuple:
        """Regions in the trunk's form to class scores and box offsets."""
        both = self.predictions(self.trunk(x))
        scores = self.num_classes + 1
        if self.custom_cls_channels:
            scores = self.loss_cls.get_cls_channels(self.num_classes)
        return both[:, :scores].contiguous(), both[:, scores:].contiguous()


def pack_box_head(roi_head: nn.Module, compute: str) -> None:
    """Let the extractor and the box head of ``roi_head`` work hand in hand, where they can.

    Args:
        roi_head (nn.Module): With a packed extractor; changed in place.
        compute (str): ``float32`` or ``int8``, for real layers.
    """
    if not _hands_features_on(roi_head):
        return
    head = roi_head.bbox_head
    if SignTrunk.fits(head):
        trunk: nn.Module = SignTrunk(head)
    elif type(head) is Shared2FCBBoxHead and all(type(fc) in REAL_LINEAR for fc in head.shared_fcs):
        small = compute == 'int8' and all(map(fits_int8, head.shared_fcs))
        trunk = Int8Trunk(head) if small else FloatTrunk(head)
    else:
        return
    roi_head.bbox_head = PackedBoxHead.of(head, trunk)
    extractor = roi_head.bbox_roi_extractor
    extractor.form, extractor.threshold = trunk.form, trunk.threshold


def _hands_features_on(roi_head: nn.Module) -> bool:
    """Whether the box head alone reads what the box extractor gives, and has plain predictions."""
    if not isinstance(roi_head, StandardRoIHead) or not roi_head.with_bbox:
        return False
    head = roi_head.bbox_head
    return (
        type(roi_head)._bbox_forward is StandardRoIHead._bbox_forward
        and not roi_head.with_shared_head
        and not (roi_head.with_mask and roi_head.share_roi_extractor)
        and isinstance(roi_head.bbox_roi_extractor, PackedRoIExtractor)
        and isinstance(head, Shared2FCBBoxHead)
        and not head.with_avg_pool
        and head.with_cls
        and head.with_reg
        and all(
            type(part) in REAL_LINEAR and part.bias is not None
            for part in (head.fc_cls, head.fc_reg)
        )
    )
