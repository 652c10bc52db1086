"""Binary layers in ordinary autograd, to measure this package's against.

They compute the same forward and, at a constant lambda, the same gradients;
nobody should train with them.
"""

from torch import Tensor

from ...layers import BinaryConv2d, BinaryLayer, BinaryLinear
from ...surge import literal_dpgc

LITERAL_SCALE = 0.2  # constant: AGS's norms are known in backward only


class _Autograd(BinaryLayer):
    """The plain binary layer, sign and weight rule as autograd functions."""

    def forward(self, x: Tensor) -> Tensor:
        return self.op.forward(self.activation(x), self.weight_rule(self.weight), self.bias)


class _Literal(_Autograd):
    """``f_b + (lambda f_a - sg[lambda f_a])`` with a constant lambda.

    That is less than AGS asks for, since no norm is taken.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.compensated:
            return super().forward(x)
        self.start()
        return literal_dpgc(
            x,
            self.weight_rule(self.weight),
            self.aux_weight,
            self.bias,
            self.activation,
            self.op,
            x.new_full((), LITERAL_SCALE),
        )


# The layer's own forward brings x into shape and calls the next one.
class AutogradConv2d(BinaryConv2d, _Autograd):
    """:class:`BinaryConv2d` in ordinary autograd."""


class AutogradLinear(BinaryLinear, _Autograd):
    """:class:`BinaryLinear` in ordinary autograd."""


class LiteralConv2d(BinaryConv2d, _Literal):
    """:class:`BinaryConv2d` by the paper's formula."""


class LiteralLinear(BinaryLinear, _Literal):
    """:class:`BinaryLinear` by the paper's formula."""


AUTOGRAD = {BinaryConv2d: AutogradConv2d, BinaryLinear: AutogradLinear}
LITERAL = {BinaryConv2d: LiteralConv2d, BinaryLinear: LiteralLinear}
