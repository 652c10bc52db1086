"""Region features of packed detectors: vectors over channels in place of mmcv's scalar loop."""

from typing import Optional

import torch
from mmcv.ops import RoIAlign
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import Tensor, nn

from ...kernels import ops
from ...kernels.int8 import Int8Rows, quantize_rows
from ...models import PlanarRoIExtractor
from .blocks import to_nhwc


class PackedRoIExtractor(SingleRoIExtractor):
    """mmdet's ``SingleRoIExtractor`` with the compiled RoIAlign; same numbers.

    mmcv's RoIAlign takes two thirds of a packed Faster R-CNN's time on a CPU.

    Attributes:
        form (str): ``float``, or what the box head behind it reads in place of
            numbers, ``signs`` or ``int8``; see :func:`region_features`.
        threshold (Tensor | None): Of the signs, (h * w * C, ).
    """

    form = 'float'
    threshold: Optional[Tensor] = None

    @staticmethod
    def fits(extractor: nn.Module) -> bool:
        """Whether all levels average with mmcv's RoIAlign."""
        known = (SingleRoIExtractor, PlanarRoIExtractor)
        return type(extractor) in known and all(
            isinstance(layer, RoIAlign) and layer.pool_mode == 'avg'
            for layer in extractor.roi_layers
        )

    @classmethod
    def of(cls, extractor: SingleRoIExtractor) -> 'PackedRoIExtractor':
        """The same extractor, packed."""
        twin = cls.__new__(cls)
        twin.__dict__.update(extractor.__dict__)
        return twin

    def forward(self, feats: tuple, rois: Tensor, roi_scale_factor: float = None):
        """Maps (N, C, H, W) and regions (K, 5) to (K, C, h, w), channels last inside.

        With another ``form``, what :func:`region_features` gives.
        """
        levels = self.map_roi_levels(rois, len(feats))
        if roi_scale_factor is not None:
            rois = self.roi_rescale(rois, roi_scale_factor)
        maps = [to_nhwc(feat) for feat in feats]
        found = region_features(maps, rois, levels, self.roi_layers, self.form, self.threshold)
        return found.permute(0, 3, 1, 2) if self.form == 'float' else found


def region_features(
    maps: list,
    rois: Tensor,
    levels: Tensor,
    layers: nn.ModuleList,
    form: str = 'float',
    threshold: Optional[Tensor] = None,
):
    """Averages of regions of a pyramid, all levels in one pass.

    Args:
        maps (list[Tensor]): One per level, (N, H, W, C).
        rois (Tensor): (K, 5).
        levels (Tensor): int64, (K, ).
        layers (nn.ModuleList): RoIAlign of each level; all but the scale alike.
        form (str): What to give.
        threshold (Tensor | None): Of the signs, (h * w * C, ).

    Returns:
        Tensor or Int8Rows: ``float``: (K, h, w, C). ``signs``: their bits,
        int32 (K, h, w, words). ``int8``: rows (K, h * w * C).
    """
    kernel, first = ops.kernel_name(), layers[0]
    if kernel == ops.PLAIN:
        return _in_form(_plain_features(maps, rois, levels, layers), form, threshold)
    features, scale = torch.ops.surge_mmdet.roi_align(
        maps,
        rois.float().contiguous(),
        levels,
        [layer.spatial_scale for layer in layers[: len(maps)]],
        *first.output_size,
        first.sampling_ratio,
        first.aligned,
        form,
        threshold,
        kernel,
    )
    return Int8Rows(features, scale) if form == 'int8' else features


def _plain_features(maps: list, rois: Tensor, levels: Tensor, layers: nn.ModuleList) -> Tensor:
    height, width = layers[0].output_size
    out = rois.new_zeros(len(rois), height, width, maps[0].shape[-1])
    for level, (layer, feat) in enumerate(zip(layers, maps, strict=False)):
        chosen = (levels == level).nonzero().squeeze(1)
        if len(chosen):
            found = layer(feat.permute(0, 3, 1, 2).contiguous(), rois[chosen])
            out[chosen] = to_nhwc(found)
    return out


def _in_form(features: Tensor, form: str, threshold: Optional[Tensor]):
    if form == 'float':
        return features
    _, height, width, _ = features.shape
    rows = features.flatten(1)
    if form == 'int8':
        return quantize_rows(rows)
    bits = ops.pack_signs(rows, threshold, height * width)
    return bits.unflatten(1, (height, width, -1))
