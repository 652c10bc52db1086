"""ResNet with 1-bit residual stages."""

from typing import Optional

from mmdet.models.backbones.resnet import ResNet
from torch import Tensor

from ...convert import DEFAULT_POLICY, binarize
from ...layers.activations import build_act_layer
from ...registry import MODELS
from .resnet_checkpoints import ARCHITECTURES, ResNetCheckpoints

REAL_LAYERS = {
    'conv1': 'stem: reads the image',
    'stem.*': 'stem: reads the image',
    '*.downsample.*': 'shortcut: must carry real values',
}


@MODELS.register_module()
class BinaryResNet(ResNetCheckpoints, ResNet):
    """mmdet's ResNet with binary stages, a shortcut around each binary conv.

    By default the stem and the 1x1 downsample convolutions (average pooling,
    then convolution) stay real. All options of mmdet's ``ResNet`` keep their
    names; three defaults differ because they hurt binary training:
    ``norm_eval=False``, ``zero_init_residual=False``, ``avg_down=True``.

    Args:
        depth (int): 18, 34, 50, 101 or 152; from 50 on with bottlenecks.
        policy (dict | None): Which layers are binary and how, see
            :class:`~surge_mmdet.convert.BinaryPolicy`. None keeps the
            same structure real-valued.
        act_cfg (dict): Activation: PReLU (default), RPReLU or Hardtanh.
        **kwargs: As mmdet's ``ResNet``.

    Raises:
        ValueError: If ``depth`` is unknown, ``act_cfg`` is a ReLU, or the
            policy cannot apply.

    Examples:
        >>> import torch
        >>> net = BinaryResNet(18).eval()
        >>> [tuple(f.shape) for f in net(torch.zeros(1, 3, 64, 64))][0]
        (1, 64, 16, 16)
    """

    arch_settings = ARCHITECTURES

    def __init__(
        self,
        depth: int,
        policy: Optional[dict] = DEFAULT_POLICY,
        act_cfg: dict = dict(type='PReLU'),
        norm_eval: bool = False,
        zero_init_residual: bool = False,
        avg_down: bool = True,
        **kwargs,
    ) -> None:
        if depth not in self.arch_settings:
            raise ValueError(
                f'BinaryResNet: unknown depth {depth!r}. Write '
                f'depth= one of {list(self.arch_settings)}.'
            )
        self.act_cfg = act_cfg
        self._random_start = not (kwargs.get('init_cfg') or kwargs.get('pretrained'))
        super().__init__(
            depth,
            norm_eval=norm_eval,
            zero_init_residual=zero_init_residual,
            avg_down=avg_down,
            **kwargs,
        )
        binarize(self, policy, REAL_LAYERS)
        self._freeze_stages()

    def _make_stem_layer(self, in_channels: int, stem_channels: int) -> None:
        super()._make_stem_layer(in_channels, stem_channels)
        act = build_act_layer(self.act_cfg, stem_channels)
        if self.deep_stem:
            self.stem[-1] = act
        else:
            self.relu = act

    def make_res_layer(self, init_cfg=None, **kwargs):
        """A stage whose blocks know the activation."""
        if self.zero_init_residual and self._random_start:
            # mmdet recognises its own blocks only.
            init_cfg = dict(type='Constant', val=0, override=dict(name=kwargs['block'].last_norm))
        return super().make_res_layer(act_cfg=self.act_cfg, init_cfg=init_cfg, **kwargs)

    def train(self, mode: bool = True):
        """As mmdet's, and returns the module as torch's do."""
        super().train(mode)
        return self

    def _freeze_stages(self) -> None:
        super()._freeze_stages()
        if self.frozen_stages >= 0 and not self.deep_stem:
            self.relu.requires_grad_(False)

    def forward(self, x: Tensor) -> tuple:
        """(N, 3, H, W) to one feature map per ``out_indices``.

        The stem's activation comes after its pooling: the same values for
        slopes in [0, 1], a quarter of the work.
        """
        if self.deep_stem:
            x = self.maxpool(self.stem(x))
        else:
            x = self.relu(self.maxpool(self.norm1(self.conv1(x))))
        outs = []
        for i, name in enumerate(self.res_layers):
            x = getattr(self, name)(x)
            if i in self.out_indices:
                outs.append(x)
        return tuple(outs)
