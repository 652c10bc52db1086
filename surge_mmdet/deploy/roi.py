"""Region features of packed detectors: vectors over channels in place of mmcv's scalar loop."""

import torch
from mmcv.ops import RoIAlign
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import Tensor, nn

from ..kernels import ops
from .blocks import to_nhwc


class PackedRoIExtractor(SingleRoIExtractor):
    """mmdet's ``SingleRoIExtractor`` with the compiled RoIAlign; same numbers.

    mmcv's RoIAlign takes two thirds of a packed Faster R-CNN's time on a CPU.
    """

    @staticmethod
    def fits(extractor: nn.Module) -> bool:
        """Whether all levels average with mmcv's RoIAlign."""
        return type(extractor) is SingleRoIExtractor and all(
            isinstance(layer, RoIAlign) and layer.pool_mode == 'avg'
            for layer in extractor.roi_layers
        )

    @classmethod
    def of(cls, extractor: SingleRoIExtractor) -> 'PackedRoIExtractor':
        """The same extractor, packed."""
        twin = cls.__new__(cls)
        twin.__dict__.update(extractor.__dict__)
        return twin

    def forward(self, feats: tuple, rois: Tensor, roi_scale_factor: float = None) -> Tensor:
        """Maps (N, C, H, W) and regions (K, 5) to (K, C, h, w), channels last inside."""
        height, width = self.roi_layers[0].output_size
        shape = (len(rois), height, width, feats[0].shape[1])
        levels = self.map_roi_levels(rois, len(feats))
        if roi_scale_factor is not None:
            rois = self.roi_rescale(rois, roi_scale_factor)
        out = feats[0].new_empty(shape)
        for level, (layer, feat) in enumerate(zip(self.roi_layers, feats, strict=False)):
            chosen = (levels == level).nonzero().squeeze(1)
            if len(chosen):
                out[chosen] = roi_align(to_nhwc(feat), rois[chosen], layer)
        return out.permute(0, 3, 1, 2)


def roi_align(feat: Tensor, rois: Tensor, layer: RoIAlign) -> Tensor:
    """(N, H, W, C) and (K, 5) to (K, h, w, C), as ``layer`` would give it."""
    kernel = ops.kernel_name()
    if kernel == ops.PLAIN:
        return to_nhwc(layer(feat.permute(0, 3, 1, 2).contiguous(), rois))
    return torch.ops.surge_mmdet.roi_align(
        feat,
        rois.float().contiguous(),
        layer.spatial_scale,
        *layer.output_size,
        layer.sampling_ratio,
        layer.aligned,
        kernel,
    )
