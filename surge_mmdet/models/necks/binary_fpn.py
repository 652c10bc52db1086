"""Feature pyramid with 1-bit convolutions."""

from typing import Optional

from mmdet.models.necks.fpn import FPN

from ...convert import DEFAULT_POLICY, binarize
from ...layers.activations import refuse_relu
from ...registry import MODELS
from ..shortcut import ShortcutConvModule


@MODELS.register_module()
class BinaryFPN(FPN):
    """mmdet's FPN with binary lateral and output convolutions.

    Each has BN, and a shortcut where shapes allow (the 3x3 output
    convolutions), so that real values pass through the pyramid.

    Args:
        policy (dict | None): See
            :class:`~surge_mmdet.convert.BinaryPolicy`. None keeps the
            same structure real-valued.
        lateral_kernel (int): 1 (default), or 3 as LWS-Det and IDa-Det do.
        norm_cfg (dict): Norm of all convolutions, by default BN.
        act_cfg (dict | None): Activation: none (default), PReLU, RPReLU or
            Hardtanh.
        **kwargs: As mmdet's ``FPN``.

    Raises:
        ValueError: If ``lateral_kernel`` is even or the policy cannot apply.

    Examples:
        >>> import torch
        >>> neck = BinaryFPN(in_channels=[8, 16], out_channels=8, num_outs=3)
        >>> maps = torch.rand(1, 8, 8, 8), torch.rand(1, 16, 4, 4)
        >>> [tuple(out.shape) for out in neck(maps)]
        [(1, 8, 8, 8), (1, 8, 4, 4), (1, 8, 2, 2)]
    """

    def __init__(
        self,
        *args,
        policy: Optional[dict] = DEFAULT_POLICY,
        lateral_kernel: int = 1,
        norm_cfg: dict = dict(type='BN'),
        **kwargs,
    ) -> None:
        if lateral_kernel % 2 != 1:
            raise ValueError(
                f'BinaryFPN: lateral_kernel must be odd, got '
                f'{lateral_kernel!r}. Write lateral_kernel=1.'
            )
        act_cfg = kwargs.pop('act_cfg', None)
        refuse_relu(act_cfg)
        if kwargs.get('relu_before_extra_convs'):
            raise ValueError(
                'BinaryFPN: a ReLU in front of a binary layer '
                'makes sign(x) = +1 everywhere. Write '
                'relu_before_extra_convs=False.'
            )
        super().__init__(*args, norm_cfg=norm_cfg, **kwargs)
        options = dict(conv_cfg=kwargs.get('conv_cfg'), norm_cfg=norm_cfg, act_cfg=act_cfg)
        for i in range(len(self.lateral_convs)):
            self.fpn_convs[i] = ShortcutConvModule(
                self.out_channels, self.out_channels, 3, padding=1, **options
            )
            self.lateral_convs[i] = ShortcutConvModule(
                self.in_channels[self.start_level + i],
                self.out_channels,
                lateral_kernel,
                padding=lateral_kernel // 2,
                shortcut=False,
                **options,
            )
        binarize(self, policy)
