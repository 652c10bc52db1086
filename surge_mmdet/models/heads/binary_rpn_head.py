"""Region proposal head with a 1-bit 3x3 convolution."""

from typing import Optional

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmdet.models.dense_heads.rpn_head import RPNHead
from torch import Tensor

from ...convert import DEFAULT_POLICY, binarize
from ...registry import MODELS

REAL_LAYERS = {
    'rpn_cls': 'prediction: needs real scores',
    'rpn_reg': 'prediction: needs real offsets',
}
RPN_INIT = dict(
    type='Normal', layer='Conv2d', std=0.01, override=dict(type='Kaiming', name='rpn_conv')
)


@MODELS.register_module()
class BinaryRPNHead(RPNHead):
    """mmdet's RPNHead with a binary 3x3 convolution, BN and a shortcut.

    The 1x1 prediction layers stay real by default.

    Args:
        policy (dict | None): See
            :class:`~surge_mmdet.convert.BinaryPolicy`. None keeps the
            same structure real-valued.
        norm_cfg (dict): Norm after the 3x3 convolution, by default BN.
        init_cfg (dict): As mmdet, but Kaiming for the 3x3 convolution.
        **kwargs: As mmdet's ``RPNHead``.

    Raises:
        ValueError: If ``num_convs`` is not 1 or the policy cannot apply.
    """

    def __init__(
        self,
        *args,
        policy: Optional[dict] = DEFAULT_POLICY,
        norm_cfg: dict = dict(type='BN'),
        init_cfg: dict = RPN_INIT,
        **kwargs,
    ) -> None:
        if kwargs.get('num_convs', 1) != 1:
            raise ValueError('BinaryRPNHead has one 3x3 convolution. Write num_convs=1.')
        self.norm_cfg = norm_cfg
        super().__init__(*args, init_cfg=init_cfg, **kwargs)
        binarize(self, policy, REAL_LAYERS)

    def _init_layers(self) -> None:
        super()._init_layers()
        predictions = {name: self._modules.pop(name) for name in ('rpn_cls', 'rpn_reg')}
        # Right behind its convolution, where --fuse-conv-bn looks for it.
        self.rpn_norm = build_norm_layer(self.norm_cfg, self.feat_channels)[1]
        self._modules.update(predictions)

    def forward_single(self, x: Tensor) -> tuple:
        """Scores and box offsets of one level, as mmdet's RPNHead."""
        out = self.rpn_norm(self.rpn_conv(x))
        out = F.relu(out + x if out.shape == x.shape else out)
        return self.rpn_cls(out), self.rpn_reg(out)
