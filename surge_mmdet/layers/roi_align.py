"""RoIAlign that training on a CPU can afford: mmcv's is one scalar loop each way."""

import torch
from mmcv.ops import RoIAlign
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..kernels.sign_conv import compiled_takes


class PlanarRoIAlign(RoIAlign):
    """mmcv's ``RoIAlign``, the same averages and gradients, by vectors over channels.

    Where the compiled kernels do not run (CUDA, other types, maxima, tracing, no
    compiler) it is mmcv's.

    Args:
        *args, **kwargs: As mmcv's ``RoIAlign``.

    Shape:
        Maps (N, C, H, W) and regions (K, 5) to (K, C, h, w).
    """

    def forward(self, input: Tensor, rois: Tensor) -> Tensor:
        """Averages of the regions' bins."""
        usual = self.use_torchvision or self.pool_mode != 'avg'
        if usual or not len(rois) or not compiled_takes(input, rois):
            return super().forward(input, rois)
        return _Regions.apply(input, rois, self)


class _Regions(torch.autograd.Function):
    """A bin is a weighted sum of pixels; its gradient goes back by the same weights."""

    @staticmethod
    def forward(ctx, x: Tensor, rois: Tensor, layer: RoIAlign) -> Tensor:
        ctx.save_for_backward(rois)
        ctx.shape = x.shape
        ctx.how = (layer.sampling_ratio, layer.aligned)
        ctx.scale = layer.spatial_scale
        return torch.ops.surge_mmdet.average_regions(
            x.contiguous(), rois.contiguous(), ctx.scale, *layer.output_size, *ctx.how
        )

    @staticmethod
    @once_differentiable
    def backward(ctx, delta: Tensor) -> tuple:
        (rois,) = ctx.saved_tensors
        grad = torch.ops.surge_mmdet.spread_regions(
            delta.contiguous(), rois.contiguous(), ctx.shape, ctx.scale, *ctx.how
        )
        return grad, None, None
