"""The binary convolution with SURGE, usable as any mmcv ``conv_cfg``."""
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..binarizers import binary_sign
from ..registry import MODELS
from ..surge import DPGC, ConvOp
from .compensation import CompensatedLayer
from .options import build_activation, build_weight_scale

DEFAULT_ACTIVATION = dict(type='SignSTE')
DEFAULT_WEIGHT_SCALE = dict(type='ChannelMean')
DEFAULT_SURGE = dict(eta=0.3)


@MODELS.register_module()
class BinaryConv2d(CompensatedLayer, nn.Conv2d):
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
        weight_scale (dict): Weight rule, ``dict(type='ChannelMean')``.
        surge (dict | None): Options of SURGE; None for a plain binary layer.

            - eta (float): Strength of the auxiliary gradient. Default 0.3.
            - max_scale (float): Upper bound of lambda. Default 10.
            - init (str): W_a starts as a ``copy`` of the latent weight
              (default), ``kaiming`` or ``zeros``.
            - aux_grad (str): ``scaled`` multiplies W_a's gradient by lambda
              (default, the literal reading), ``unscaled`` does not.

    Shape:
        Input (N, in_channels, H, W), output as ``nn.Conv2d``.

    Raises:
        ValueError, TypeError: For options that cannot work; the text shows
            the corrected line.

    Examples:
        >>> conv = BinaryConv2d(4, 8, 3, padding=1, surge=dict(eta=0.3))
        >>> conv(torch.randn(2, 4, 5, 5)).shape
        torch.Size([2, 8, 5, 5])
        >>> sorted(dict(conv.named_parameters()))
        ['aux_weight', 'bias', 'weight']
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 kernel_size,
                 stride=1,
                 padding=0,
                 dilation=1,
                 groups: int = 1,
                 bias: bool = True,
                 padding_mode: str = 'zeros',
                 activation: dict = DEFAULT_ACTIVATION,
                 weight_scale: dict = DEFAULT_WEIGHT_SCALE,
                 surge: Optional[dict] = DEFAULT_SURGE,
                 device=None,
                 dtype=None) -> None:
        _check_groups(in_channels, out_channels, groups)
        super().__init__(in_channels, out_channels, kernel_size, stride,
                         padding, dilation, groups, bias, padding_mode,
                         device=device, dtype=dtype)
        self._init_binary(activation, weight_scale, surge)

    def _init_binary(self, activation, weight_scale, surge) -> None:
        self.activation = build_activation(activation)
        self.weight_scale = build_weight_scale(weight_scale)
        padding = self._symmetric_padding()
        self.op = ConvOp(self.stride, padding, self.dilation, self.groups)
        self._init_surge(surge)

    @classmethod
    def from_float(cls, conv: nn.Conv2d, **options) -> 'BinaryConv2d':
        """Binary twin of ``conv`` that shares its Parameters.

        Args:
            conv (nn.Conv2d): A real convolution.
            **options: ``activation``, ``weight_scale`` and ``surge``.
        """
        binary = cls(conv.in_channels, conv.out_channels, conv.kernel_size,
                     conv.stride, conv.padding, conv.dilation, conv.groups,
                     conv.bias is not None, conv.padding_mode,
                     device=conv.weight.device, dtype=conv.weight.dtype,
                     **options)
        binary.weight, binary.bias = conv.weight, conv.bias
        if binary.compensated:
            binary.reset_aux_weight()
        return binary.train(conv.training)

    def forward(self, x: Tensor) -> Tensor:
        """Binary convolution of the real input ``x``."""
        if x.dim() != 4:
            raise ValueError(f'BinaryConv2d takes (N, C, H, W), got '
                             f'{tuple(x.shape)}. Write conv(x[None]).')
        if self.padding_mode != 'zeros':
            x = F.pad(x, self._reversed_padding_repeated_twice,
                      mode=self.padding_mode)
        if self.training and torch.is_grad_enabled():
            self.start_aux_weight()
            return DPGC.apply(x, self.weight_scale(self.weight),
                              self.aux_weight, self.bias, self.activation,
                              self.ags, self.op, self.scale_aux_grad)
        return self.op.forward(self.activation(x),
                               self.weight_scale(self.weight), self.bias)

    def binary_weight(self) -> tuple:
        """Signs in {-1, +1} (the weight's shape) and the scale alpha."""
        weight = self.weight.detach()
        return binary_sign(weight), self.weight_scale.scale(weight)

    def _symmetric_padding(self) -> tuple:
        """Padding as two integers, for zero padding after the sign."""
        if self.padding_mode != 'zeros':
            return 0, 0
        right, left, bottom, top = self._reversed_padding_repeated_twice
        if (right, bottom) != (left, top):
            raise ValueError(
                f"padding='same' is not symmetric for kernel_size="
                f'{self.kernel_size}. Pad before the layer with the values '
                'you want, and write padding=0.')
        return top, left

    def extra_repr(self) -> str:
        return super().extra_repr() + ('' if self.compensated else
                                       ', surge=None')


def _check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    if groups < 1 or in_channels % groups or out_channels % groups:
        fits = [g for g in range(1, min(in_channels, out_channels) + 1)
                if in_channels % g == 0 and out_channels % g == 0]
        raise ValueError(
            f'groups={groups} does not divide in_channels={in_channels} and '
            f'out_channels={out_channels}. Write groups= one of {fits}.')
