"""Activation binarizers whose surrogate is a slope times the gradient."""

from abc import abstractmethod

from torch import Tensor

from .base import ActivationBinarizer


class SlopeActivation(ActivationBinarizer):
    """Base: ``dL/du = slope(u) dL/dQ``, computed in float32 at least."""

    @abstractmethod
    def slope(self, u: Tensor) -> Tensor:
        """dQ/du at ``u``, of its shape."""

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output * slope(u)``."""
        wide = u.float() if u.dtype.itemsize < 4 else u
        return self.slope(wide).to(grad_output.dtype).mul_(grad_output)
