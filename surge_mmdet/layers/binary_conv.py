"""The binary convolution with SURGE, usable as any mmcv ``conv_cfg``."""

from typing import Any, Optional

import torch.nn.functional as F
from torch import Tensor, nn

from ..registry import MODELS
from ..surge import ConvOp
from .binary_layer import (
    DEFAULT_ACTIVATION,
    DEFAULT_SURGE,
    DEFAULT_WEIGHT_RULE,
    BinaryLayer,
    Layer,
)


@MODELS.register_module()
class BinaryConv2d(BinaryLayer, nn.Conv2d):
    r"""Convolution with weights and activations in {-1, +1}.

    .. math::
        y = conv(sign(x), \alpha\, sign(W_b)) + bias

    In training the gradient is that of SURGE (arXiv 2605.10989, DPGC and
    AGS); in eval mode the layer is exactly the ``F.conv2d`` above, so that
    ``aux_weight`` can be dropped after training. Zero padding pads the signs
    with zeros, as in the published code of the field.

    Args:
        in_channels .. padding_mode, device, dtype: As ``nn.Conv2d``.
        activation (dict): Activation binarizer, ``dict(type='SignSTE')`` or
            ``dict(type='SignPolynomial')``.
        weight_rule (dict): Weight rule, ``dict(type='ChannelMean')``.
        surge (dict | None): Options of SURGE, those of
            :class:`~surge_mmdet.surge.SurgeConfig`: ``eta``, ``max_scale``,
            ``init``, ``aux_grad`` (the paper's), ``mode``, ``momentum``,
            ``combine``, ``branch``, ``dtype`` (ours). None for a plain
            binary layer.
        weight_scale (dict | None): Old name of ``weight_rule``.

    Shape:
        Input (N, in_channels, H, W), output as ``nn.Conv2d``.

    Raises:
        ValueError, TypeError: For options that cannot work; the text shows
            the corrected line.

    Examples:
        >>> import torch
        >>> conv = BinaryConv2d(4, 8, 3, padding=1, surge=dict(eta=0.1))
        >>> conv(torch.randn(2, 4, 5, 5)).shape
        torch.Size([2, 8, 5, 5])
        >>> sorted(dict(conv.named_parameters()))
        ['aux_weight', 'bias', 'weight']
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: Any = 'zeros',
        activation: dict = DEFAULT_ACTIVATION,
        weight_rule: dict = DEFAULT_WEIGHT_RULE,
        surge: Optional[dict] = DEFAULT_SURGE,
        weight_scale: Optional[dict] = None,
        device=None,
        dtype=None,
    ) -> None:
        _check_groups(in_channels, out_channels, groups)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device=device,
            dtype=dtype,
        )
        op = ConvOp(self.stride, self._symmetric_padding(), self.dilation, self.groups)
        self._init_binary(op, activation, weight_rule, surge, weight_scale)

    @classmethod
    def from_float(cls: type[Layer], real: Any, **options) -> Layer:
        """Binary twin of a convolution that shares its Parameters.

        Args:
            real (nn.Conv2d): A real convolution.
            **options: ``activation``, ``weight_rule`` and ``surge``.
        """
        return cls(**_arguments(real), **options)._share(real)

    def to_float(self) -> nn.Conv2d:
        """Real twin that shares the Parameters."""
        real = nn.Conv2d(**_arguments(self))
        real.weight, real.bias = self.weight, self.bias
        return real.train(self.training)

    def forward(self, x: Tensor) -> Tensor:
        """Binary convolution of the real input ``x``."""
        if x.dim() != 4:
            raise ValueError(
                f'BinaryConv2d takes (N, C, H, W), got {tuple(x.shape)}. Write conv(x[None]).'
            )
        if self.padding_mode != 'zeros':
            x = F.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return super().forward(x)

    def _symmetric_padding(self) -> tuple:
        """Padding as two integers, for zero padding after the sign."""
        if self.padding_mode != 'zeros':
            return 0, 0
        right, left, bottom, top = self._reversed_padding_repeated_twice
        if (right, bottom) != (left, top):
            raise ValueError(
                f"padding='same' is not symmetric for kernel_size="
                f'{self.kernel_size}. Pad before the layer with the values '
                'you want, and write padding=0.'
            )
        return top, left


def _check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    if groups < 1 or in_channels % groups or out_channels % groups:
        fits = [
            g
            for g in range(1, min(in_channels, out_channels) + 1)
            if in_channels % g == 0 and out_channels % g == 0
        ]
        raise ValueError(
            f'groups={groups} does not divide in_channels={in_channels} and '
            f'out_channels={out_channels}. Write groups= one of {fits}.'
        )


def _arguments(conv: nn.Conv2d) -> dict[str, Any]:
    """What a convolution was built with."""
    names = ('in_channels', 'out_channels', 'kernel_size', 'stride', 'padding', 'dilation')
    found = {name: getattr(conv, name) for name in (*names, 'groups', 'padding_mode')}
    like = dict(device=conv.weight.device, dtype=conv.weight.dtype)
    return dict(**found, bias=conv.bias is not None, **like)
