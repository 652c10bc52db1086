"""Extra layers of SSD with 1-bit convolutions."""

from typing import Optional

from mmcv.cnn import ConvModule
from mmdet.models.necks.ssd_neck import SSDNeck

from ...convert import DEFAULT_POLICY, binarize
from ...registry import MODELS
from ..shortcut import ShortcutConvModule


@MODELS.register_module()
class BinarySSDNeck(SSDNeck):
    """mmdet's SSDNeck with BN, shortcuts and binary convolutions.

    L2Norm of the first level is not a convolution and stays as it is.

    Args:
        policy (dict | None): See
            :class:`~surge_mmdet.convert.BinaryPolicy`. None keeps the
            same structure real-valued.
        norm_cfg (dict): Norm of all convolutions, by default BN. Its last
            map has one pixel: train with at least 2 images.
        act_cfg (dict): Activation: PReLU (default), RPReLU or Hardtanh.
        **kwargs: As mmdet's ``SSDNeck``.

    Raises:
        ValueError: If ``use_depthwise`` is on, ``act_cfg`` is a ReLU, or the
            policy cannot apply.
    """

    def __init__(
        self,
        *args,
        policy: Optional[dict] = DEFAULT_POLICY,
        norm_cfg: dict = dict(type='BN'),
        act_cfg: dict = dict(type='PReLU'),
        **kwargs,
    ) -> None:
        if kwargs.get('use_depthwise'):
            raise ValueError(
                'BinarySSDNeck: a depthwise convolution sums 9 '
                'signs, too few for 1 bit. Write '
                'use_depthwise=False.'
            )
        super().__init__(*args, norm_cfg=norm_cfg, **kwargs)
        options = dict(conv_cfg=kwargs.get('conv_cfg'), norm_cfg=norm_cfg, act_cfg=act_cfg)
        for level in self.extra_layers:
            for i, module in enumerate(level):
                level[i] = _with_shortcut(module, options)
        binarize(self, policy)


def _with_shortcut(module: ConvModule, options: dict) -> ShortcutConvModule:
    conv = module.conv
    return ShortcutConvModule(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size[0],
        conv.stride[0],
        conv.padding[0],
        **options,
    )
