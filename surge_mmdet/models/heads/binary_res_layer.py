"""A residual stage as shared RoI head (Faster R-CNN C4)."""

from typing import Optional

from mmdet.models.layers import ResLayer as build_stage
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...convert import DEFAULT_POLICY, binarize
from ...registry import MODELS
from ..backbones.binary_resnet import REAL_LAYERS
from ..backbones.resnet_checkpoints import ARCHITECTURES, ResNetCheckpoints

INIT = [
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
]


@MODELS.register_module()
class BinaryResLayer(ResNetCheckpoints, BaseModule):
    """mmdet's shared head ``ResLayer`` made of binary blocks.

    Args:
        depth (int): Of the network the stage belongs to, 18 to 152.
        stage (int): 3 (default) is ResNet's last stage, ``layer4``.
        policy (dict | None): See
            :class:`~surge_mmdet.convert.BinaryPolicy`. None keeps the
            same structure real-valued.
        act_cfg (dict): Activation: PReLU (default), RPReLU or Hardtanh.
        norm_eval (bool): Freeze the running statistics of BN.
        stride, dilation, style, norm_cfg, with_cp, init_cfg: As mmdet's;
            ``dict(type='Pretrained', checkpoint=..., prefix='backbone.')``
            takes its stage from a backbone's checkpoint.

    Raises:
        ValueError: If ``depth`` is unknown, ``act_cfg`` is a ReLU, or the
            policy cannot apply.
    """

    def __init__(
        self,
        depth: int,
        stage: int = 3,
        stride: int = 2,
        dilation: int = 1,
        style: str = 'pytorch',
        norm_cfg: dict = dict(type='BN'),
        norm_eval: bool = False,
        with_cp: bool = False,
        policy: Optional[dict] = DEFAULT_POLICY,
        act_cfg: dict = dict(type='PReLU'),
        init_cfg: list = INIT,
    ) -> None:
        super().__init__(init_cfg)
        if depth not in ARCHITECTURES:
            raise ValueError(
                f'BinaryResLayer: unknown depth {depth!r}. Write depth= one '
                f'of {list(ARCHITECTURES)}.'
            )
        block, stage_blocks = ARCHITECTURES[depth]
        self.norm_eval, self.depth, self.avg_down = norm_eval, depth, True
        self.name = f'layer{stage + 1}'
        self.add_module(
            self.name,
            build_stage(
                block,
                64 * 2 ** (stage - 1) * block.expansion,
                64 * 2**stage,
                stage_blocks[stage],
                stride=stride,
                dilation=dilation,
                style=style,
                avg_down=True,
                with_cp=with_cp,
                norm_cfg=norm_cfg,
                act_cfg=act_cfg,
            ),
        )
        binarize(self, policy, REAL_LAYERS)

    def forward(self, x: Tensor) -> Tensor:
        """(RoIs, C, H, W) to the stage's output."""
        return getattr(self, self.name)(x)

    def train(self, mode: bool = True):
        """Training mode, but for the norms if ``norm_eval``."""
        super().train(mode)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self
