"""Layers of packed detectors: bits for weights, one affine per output channel."""

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..binarizers import WeightBinarizer
from ..kernels import ops
from ..kernels.ops import Epilogue, Filter
from ..layers import BinaryConv2d, BinaryLayer


class PackedLayer(nn.Module):
    """``y = scale * op(sign(x - threshold), signs) + bias``, for inference only.

    Args:
        layer (Filter): The geometry.
        threshold (bool): Whether the input has thresholds of its own.

    Attributes:
        bits (Tensor): int32 (outputs, kH, kW, words), see :func:`ops.pack_signs`.
        scale, bias (Tensor): (outputs, ).
        threshold (Tensor | None): (channels, ).
    """

    def __init__(self, layer: Filter, threshold: bool = False) -> None:
        super().__init__()
        self.layer = layer
        shape = (layer.outputs, *layer.kernel, layer.words)
        self.register_buffer('bits', torch.zeros(shape, dtype=torch.int32))
        self.register_buffer('scale', torch.ones(layer.outputs))
        self.register_buffer('bias', torch.zeros(layer.outputs))
        self.register_buffer('threshold', torch.zeros(layer.channels) if threshold else None)
        self._weight: Optional[ops.BinaryWeight] = None

    @torch.no_grad()
    def fill(self, binary: BinaryLayer) -> None:
        """Take over the weights of a trained layer.

        Raises:
            ValueError: If the layer has no packed form; the text says why.
        """
        threshold, factor = binary.activation.packed_form()
        signs, scale = binary.binary_weight()
        outputs, channels = self.layer.outputs, self.layer.channels
        if scale.numel() not in (1, outputs):
            raise ValueError(f'its weight rule has {scale.numel()} scales for {outputs} outputs')
        if factor is not None and factor.numel() != 1:
            raise ValueError('its activations have a factor per channel')
        _check_weight(binary, signs, scale)
        _check_activation(binary, threshold, factor)
        weight = signs.flatten(2) if signs.dim() == 4 else signs[..., None]
        weight = weight.movedim(1, 2).reshape(outputs, *self.layer.kernel, -1)
        self.bits = ops.pack_signs(weight.float().contiguous())
        self.scale = (scale.flatten() * (1 if factor is None else factor)).expand(outputs).clone()
        self.bias = torch.zeros(outputs) if binary.bias is None else binary.bias.detach().clone()
        if threshold is not None:
            self.threshold = threshold.detach().flatten().expand(channels).clone()

    def weight(self) -> ops.BinaryWeight:
        """The weights in the order of the kernel that runs."""
        kernel = ops.kernel_name()
        if self._weight is None or self._weight.kernel != kernel:
            self._weight = ops.pack_weight(self.bits, self.layer, kernel)
        return self._weight

    def signs(self, x: Tensor) -> Tensor:
        """Packed signs of the real input, (N, H, W, channels)."""
        return ops.pack_signs(x.float().contiguous(), self.threshold, self.layer.groups)

    def epilogue(self) -> Epilogue:
        """The affine alone."""
        return Epilogue(self.scale, self.bias)

    def _apply(self, fn, recurse: bool = True):
        self._weight = None
        super()._apply(fn, recurse)
        if self.bits.device.type != 'cpu':
            raise ValueError(
                f'packed detectors run on the CPU, not on {self.bits.device}. Write '
                "load_packed(PATH), or device='cpu' where a device is asked for."
            )
        return self

    def _load_from_state_dict(self, *args, **kwargs):
        self._weight = None
        super()._load_from_state_dict(*args, **kwargs)

    def extra_repr(self) -> str:
        layer = self.layer
        return f'{layer.channels}, {layer.outputs}, ' + ', '.join(
            f'{name}={value}'
            for name, value in layer._asdict().items()
            if name not in ('channels', 'outputs')
        )


def _check_weight(binary: BinaryLayer, signs: Tensor, scale: Tensor) -> None:
    """What a rule says of its form has to be what it does.

    Where it follows from the code alone, only the axis of the scales is looked at.
    """
    rule = type(binary.weight_rule)
    as_written = (
        rule.decompose is WeightBinarizer.decompose and rule.quantize is WeightBinarizer.quantize
    )
    wide = (len(signs), *[1] * (signs.dim() - 1))
    if as_written and (scale.numel() == 1 or scale.shape == wide):
        return
    per_output = scale.flatten().view(-1, *[1] * (signs.dim() - 1))
    if not torch.allclose(binary.weight_rule(binary.weight), per_output * signs):
        raise ValueError(
            f'{type(binary.weight_rule).__name__} does not give its signs times a scale per '
            'output channel, as its decompose says'
        )


def _check_activation(
    binary: BinaryLayer, threshold: Optional[Tensor], factor: Optional[Tensor]
) -> None:
    channels = binary.in_channels if isinstance(binary, BinaryConv2d) else binary.in_features
    shape = (16, channels, 1, 1) if isinstance(binary, BinaryConv2d) else (16, channels)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    offset = 0 if threshold is None else threshold.flatten().view(1, -1, *shape[2:])
    signs = torch.where(x >= offset, 1.0, -1.0) * (1 if factor is None else factor)
    if not torch.allclose(binary.activation(x), signs):
        raise ValueError(
            f'{type(binary.activation).__name__} does not give the signs that its packed_form says'
        )


class PackedConv2d(PackedLayer):
    """A binary convolution; (N, C, H, W) to (N, O, H', W'), channels last inside.

    Args:
        layer (Filter): The geometry.
        padding_mode (str): As ``nn.Conv2d``'s; other than zeros, ``layer`` has
            padding 0 and ``pad`` is the border.
        pad (tuple): As ``F.pad`` takes it.
        threshold (bool): See :class:`PackedLayer`.
    """

    def __init__(
        self, layer: Filter, padding_mode: str = 'zeros', pad: tuple = (), threshold: bool = False
    ) -> None:
        super().__init__(layer, threshold)
        self.padding_mode, self.pad = padding_mode, tuple(pad)

    def forward(self, x: Tensor) -> Tensor:
        """Real input to real output."""
        if self.padding_mode != 'zeros':
            x = F.pad(x, self.pad, mode=self.padding_mode)
        bits = self.signs(x.permute(0, 2, 3, 1))
        out, _ = ops.binary_conv(bits, self.weight(), self.epilogue())
        return out.permute(0, 3, 1, 2)


class PackedLinear(PackedLayer):
    """A binary fully connected layer; (..., in_features) to (..., out_features)."""

    padding_mode = 'zeros'  # a filter of one tap has no border

    def forward(self, x: Tensor) -> Tensor:
        """Real input to real output."""
        rows = x.reshape(1, 1, -1, x.shape[-1])
        out, _ = ops.binary_conv(self.signs(rows), self.weight(), self.epilogue())
        return out.view(*x.shape[:-1], -1)


def packed_twin(binary: BinaryLayer) -> PackedLayer:
    """The packed layer of a binary one, with its weights.

    Raises:
        ValueError: If it has no packed form; the text says why.
    """
    has_threshold = binary.activation.packed_form()[0] is not None
    if isinstance(binary, BinaryConv2d):
        op = binary.op
        layer = Filter(
            binary.in_channels, binary.out_channels, op.groups, tuple(binary.kernel_size),
            op.stride, op.padding, op.dilation,
        )  # fmt: skip
        pad = binary._reversed_padding_repeated_twice
        twin: PackedLayer = PackedConv2d(layer, binary.padding_mode, tuple(pad), has_threshold)
    else:
        twin = PackedLinear(Filter(binary.in_features, binary.out_features), has_threshold)
    twin.fill(binary)
    return twin.eval()
