"""What the binary convolution and the binary linear layer have in common."""

from typing import Optional

import torch
from torch import Tensor, nn

from ..binarizers import binary_sign
from ..binarizers.build import build_activation, build_weight_scale
from ..surge import DPGC, ConvOp, LinearOp
from .compensation import CompensatedLayer

DEFAULT_ACTIVATION = dict(type='SignSTE')
DEFAULT_WEIGHT_SCALE = dict(type='ChannelMean')
DEFAULT_SURGE = dict(eta=0.3)


class BinaryLayer(CompensatedLayer):
    """Mixin beside ``nn.Conv2d`` or ``nn.Linear``: ``op(Q(x), Q(W_b))``."""

    def _init_binary(
        self, op: ConvOp | LinearOp, activation: dict, weight_scale: dict, surge: Optional[dict]
    ) -> None:
        self.op = op
        self.activation = build_activation(activation)
        self.weight_scale = build_weight_scale(weight_scale)
        self._init_surge(surge)

    def _share(self, real: nn.Module) -> 'BinaryLayer':
        """Take over the Parameters and the mode of the ``real`` layer."""
        self.weight, self.bias = real.weight, real.bias
        if self.compensated:
            self.reset_aux_weight()
        return self.train(real.training)

    def _binary_forward(self, x: Tensor) -> Tensor:
        if self.training and torch.is_grad_enabled():
            self.start_aux_weight()
            return DPGC.apply(
                x,
                self.weight_scale(self.weight),
                self.auxiliary(),
                self.bias,
                self.activation,
                self.ags,
                self.op,
                self.branch,
            )
        return self.op.forward(self.activation(x), self.weight_scale(self.weight), self.bias)

    @property
    def fully_binary(self) -> bool:
        """False while a weight rule keeps the weights real."""
        return self.weight_scale.bits == 1

    def binary_weight(self) -> tuple:
        """Signs in {-1, +1} (the weight's shape) and the scale alpha."""
        weight = self.weight.detach()
        return binary_sign(weight), self.weight_scale.scale(weight)

    def extra_repr(self) -> str:
        return super().extra_repr() + ('' if self.compensated else ', surge=None')
