"""Box head with 1-bit shared fully connected layers."""

from typing import Optional

from mmcv.cnn import build_norm_layer
from mmdet.models.roi_heads.bbox_heads.convfc_bbox_head import (
    Shared2FCBBoxHead,
)
from torch import Tensor, nn

from ...convert import binarize
from ...layers.activations import build_act_layer
from ...registry import MODELS

LINEAR_POLICY = dict(type='BinaryPolicy', linear=dict())
REAL_LAYERS = {
    'fc_cls': 'prediction: needs real scores',
    'fc_reg': 'prediction: needs real offsets',
}


@MODELS.register_module()
class BinaryShared2FCBBoxHead(Shared2FCBBoxHead):
    """mmdet's Shared2FCBBoxHead with binary shared layers.

    Each shared layer has BN, a shortcut where widths are equal, and an
    activation in place of the ReLU. At 256 channels and 7x7 pixels the two
    layers are 56 MB in float32, 1.8 MB in 1 bit.

    Args:
        policy (dict | None): ``dict(linear=dict(surge=dict(eta=0.1)))``,
            see :class:`~surge_mmdet.convert.BinaryPolicy`. None keeps
            the same structure real-valued.
        act_cfg (dict): Activation: PReLU (default), RPReLU or Hardtanh.
        norm_cfg (dict): Norm of the shared layers, by default BN1d.
        **kwargs: As mmdet's ``Shared2FCBBoxHead``.

    Raises:
        ValueError: If ``act_cfg`` is a ReLU or the policy cannot apply.
    """

    def __init__(
        self,
        *args,
        policy: Optional[dict] = LINEAR_POLICY,
        act_cfg: dict = dict(type='PReLU'),
        norm_cfg: dict = dict(type='BN1d'),
        **kwargs,
    ) -> None:
        super().__init__(*args, norm_cfg=norm_cfg, **kwargs)
        width = self.fc_out_channels
        self.shared_norms = nn.ModuleList(
            build_norm_layer(norm_cfg, width)[1] for _ in self.shared_fcs
        )
        self.shared_acts = nn.ModuleList(build_act_layer(act_cfg, width) for _ in self.shared_fcs)
        binarize(self, policy, REAL_LAYERS)

    def forward(self, x: Tensor) -> tuple:
        """(N, C, H, W) RoI features to class scores and box offsets."""
        x = (self.avg_pool(x) if self.with_avg_pool else x).flatten(1)
        for fc, norm, act in zip(self.shared_fcs, self.shared_norms, self.shared_acts, strict=True):
            out = norm(fc(x))
            x = act(out + x if out.shape == x.shape else out)
        return (
            self.fc_cls(x) if self.with_cls else None,
            self.fc_reg(x) if self.with_reg else None,
        )
