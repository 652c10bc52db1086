"""The binary fully connected layer with SURGE."""

from typing import Any, Optional

from torch import Tensor, nn

from ..registry import MODELS
from ..surge import LinearOp
from .binary_layer import (
    DEFAULT_ACTIVATION,
    DEFAULT_SURGE,
    DEFAULT_WEIGHT_RULE,
    BinaryLayer,
    Layer,
)


@MODELS.register_module()
class BinaryLinear(BinaryLayer, nn.Linear):
    r"""Fully connected layer with weights and activations in {-1, +1}.

    .. math::
        y = sign(x) \, (\alpha\, sign(W_b))^T + bias

    Trained as :class:`~surge_mmdet.layers.BinaryConv2d` is, with SURGE
    (arXiv 2605.10989): DPGC is stated for any linear operator.

    Args:
        in_features, out_features, bias, device, dtype: As ``nn.Linear``.
        activation, weight_rule, surge, weight_scale: As ``BinaryConv2d``.

    Shape:
        Input (..., in_features), output (..., out_features).

    Raises:
        ValueError, TypeError: For options that cannot work; the text shows
            the corrected line.

    Examples:
        >>> import torch
        >>> fc = BinaryLinear(8, 4, surge=dict(eta=0.1))
        >>> fc(torch.randn(2, 8)).shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        activation: dict = DEFAULT_ACTIVATION,
        weight_rule: dict = DEFAULT_WEIGHT_RULE,
        surge: Optional[dict] = DEFAULT_SURGE,
        weight_scale: Optional[dict] = None,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device=device, dtype=dtype)
        self._init_binary(LinearOp(), activation, weight_rule, surge, weight_scale)

    @classmethod
    def from_float(cls: type[Layer], real: Any, **options) -> Layer:
        """Binary twin of a fully connected layer that shares its Parameters.

        Args:
            real (nn.Linear): A real fully connected layer.
            **options: ``activation``, ``weight_rule`` and ``surge``.
        """
        return cls(**_arguments(real), **options)._share(real)

    def to_float(self) -> nn.Linear:
        """Real twin that shares the Parameters."""
        real = nn.Linear(**_arguments(self))
        real.weight, real.bias = self.weight, self.bias
        return real.train(self.training)

    def forward(self, x: Tensor) -> Tensor:
        """Binary product with the real input ``x``."""
        if x.shape[-1] != self.in_features:
            raise ValueError(
                f'BinaryLinear takes (..., {self.in_features}), got '
                f'{tuple(x.shape)}. Write BinaryLinear({x.shape[-1]}, '
                f'{self.out_features}).'
            )
        rows = x.flatten(0, -2) if x.dim() > 2 else x.view(-1, self.in_features)
        out = super().forward(rows)
        return out.view(*x.shape[:-1], self.out_features)


def _arguments(linear: nn.Linear) -> dict[str, Any]:
    """What a fully connected layer was built with."""
    like = dict(device=linear.weight.device, dtype=linear.weight.dtype)
    return dict(
        in_features=linear.in_features,
        out_features=linear.out_features,
        bias=linear.bias is not None,
        **like,
    )
