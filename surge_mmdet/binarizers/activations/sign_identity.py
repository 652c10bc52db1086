"""Straight-through estimator without a window."""

from torch import Tensor

from ..base import ActivationBinarizer


class SignIdentity(ActivationBinarizer):
    r"""Sign whose gradient passes unchanged.

    .. math::
        Q(x) = sign(x), \qquad \frac{\partial Q}{\partial x} \approx 1

    The straight-through estimator as first proposed (Bengio et al., 2013,
    arXiv 1308.3432), without the window of :class:`SignSTE`. Under SURGE
    nothing is clipped, so the auxiliary branch has only the mismatch of the
    signs to repair.

    Examples:
        >>> import torch
        >>> x = torch.tensor([-1.5, 0.5], requires_grad=True)
        >>> SignIdentity()(x).sum().backward()
        >>> x.grad
        tensor([1., 1.])
    """

    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output`` itself."""
        return grad_output
