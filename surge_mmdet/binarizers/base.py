"""The one interface of everything that turns real values into signs."""

from abc import ABC, abstractmethod
from typing import Callable, Optional

import torch
from torch import Tensor, nn

from .fused import binary_sign, pass_within

# What a binarizer may have that no layer calls, but ``BinarizerHook`` does.
CARRIED = ('extra_loss', 'before_step', 'before_epoch')


def _keep(ctx, u: Tensor, binarizer: 'Binarizer') -> None:
    ctx.save_for_backward(u)
    ctx.binarizer = binarizer


class _Quantize(torch.autograd.Function):
    """``binarizer.quantize`` forward, ``binarizer.surrogate_grad`` backward."""

    @staticmethod
    def forward(ctx, u, binarizer):
        _keep(ctx, u, binarizer)
        return binarizer.quantize(u)

    @staticmethod
    def backward(ctx, grad_output):
        (u,) = ctx.saved_tensors
        return ctx.binarizer.surrogate_grad(grad_output, u), None


class _Surrogate(_Quantize):
    """``u`` itself forward, the same backward; a window is cut into the gradient itself."""

    @staticmethod
    def forward(ctx, u, binarizer):
        _keep(ctx, u, binarizer)
        return u.view_as(u)

    @staticmethod
    def backward(ctx, grad_output):
        (u,), binarizer = ctx.saved_tensors, ctx.binarizer
        if not hasattr(type(binarizer).surrogate_grad, 'is_window'):
            return _Quantize.backward(ctx, grad_output)
        if binarizer.clip is None:
            return grad_output, None
        # Nobody else holds what the operator's backward has just made.
        return pass_within(grad_output, u, binarizer.clip, in_place=True), None


def window(surrogate_grad: Callable) -> Callable:
    """Mark a ``surrogate_grad`` that is ``grad_output * 1{|u| <= clip}``."""
    surrogate_grad.is_window = True  # type: ignore[attr-defined]
    return surrogate_grad


class Binarizer(nn.Module, ABC):
    r"""Base of all binarizers, of activations and of weights.

    .. math::
        Q(v) = \alpha(u) \, sign(u), \qquad u = t(v), \qquad sign(0) = +1

    A subclass states :meth:`surrogate_grad`, and where the method has them
    :meth:`scale` (alpha, a constant for the gradient) and :meth:`transform`
    (t: a threshold, a normalisation, a clamp), which is ordinary
    differentiable code. Parameters of a subclass get their gradient through
    ``transform``, or through a ``forward`` of its own around this one (a
    learnable scale); under DPGC too, which leaves the binarizer to autograd.

    Attributes:
        bits (int): That one value takes at inference.
        clip (float | None): |u| beyond which the surrogate passes nothing;
            None if it has no such bound.
        scheduled (bool): Whether the surrogate changes over training. Then
            ``progress``, a buffer in [0, 1], tells how far it is;
            ``ProgressHook`` sets it.
        training_only (tuple[str]): Own parameters and buffers that inference
            does not need, and a checkpoint need not have.
    """

    bits = 1
    clip: Optional[float] = None
    scheduled = False
    training_only: tuple = ('progress',)
    progress: Tensor

    def __init__(self) -> None:
        super().__init__()
        if self.scheduled:
            self.register_buffer('progress', torch.zeros(()))

    def forward(self, v: Tensor) -> Tensor:
        """Q(v), of the shape of ``v``; differentiable through the surrogate."""
        u = self.transform(v)
        if torch.is_grad_enabled() and u.requires_grad:
            return _Quantize.apply(u, self)
        with torch.no_grad():  # alpha is a constant in either case
            return self.quantize(u)

    @property
    def takes_signs(self) -> bool:
        """Whether ``Q(v)`` is ``scale(u) sign(u)`` with ``u = transform(v)``, nothing more."""
        return not {'forward', 'quantize'} & set(self.own_parts)

    def latent(self, v: Tensor) -> Tensor:
        """u, for an operator that takes its sign; Q's gradient reaches v by the surrogate."""
        u = self.transform(v)
        if torch.is_grad_enabled() and u.requires_grad:
            return _Surrogate.apply(u, self)
        return u

    @property
    def own_parts(self) -> list:
        """Names of what a subclass does otherwise than ``sign(v)``."""
        names = ('forward', 'quantize', 'transform', 'scale')
        return [n for n in names if getattr(type(self), n) is not getattr(Binarizer, n)]

    def quantize(self, u: Tensor) -> Tensor:
        """``scale(u) sign(u)`` without gradient."""
        scale = self.scale(u)
        signs = binary_sign(u)
        return signs if scale is None else signs.mul_(scale)

    def transform(self, v: Tensor) -> Tensor:
        """What the sign is taken of; by default ``v`` itself."""
        return v

    @property
    def carried(self) -> list:
        """What a subclass asks ``BinarizerHook`` to call, by the methods' names."""
        return [name for name in CARRIED if any(name in vars(k) for k in _own_classes(type(self)))]

    def extra_loss(self, v: Tensor) -> Optional[Tensor]:
        """A term of the training's loss, differentiable; by default there is none.

        Args:
            v (Tensor): The latent weight, or the input of the layer.

        Returns:
            Tensor | None: A scalar, already weighted.
        """

    def scale(self, u: Tensor) -> Optional[Tensor]:
        """The factor alpha, broadcastable to ``u``; None for 1."""
        return None

    @abstractmethod
    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """Gradient to ``u``, given the gradient to Q.

        Args:
            grad_output (Tensor): Gradient with respect to Q.
            u (Tensor): What the sign was taken of, same shape.

        Returns:
            Tensor: Same shape and dtype as ``grad_output``.
        """

    def set_progress(self, progress: float) -> None:
        """Tell a ``scheduled`` binarizer how far the training is, in [0, 1]."""
        if self.scheduled:
            self.progress.fill_(progress)

    def _load_from_state_dict(self, state_dict, prefix, *args):
        """A checkpoint need not have what only training needs."""
        super()._load_from_state_dict(state_dict, prefix, *args)
        missing_keys = args[2]
        unneeded = [prefix + name for name in self.training_only]
        missing_keys[:] = [key for key in missing_keys if key not in unneeded]

    def start(self, v: Tensor) -> None:
        """Called without gradient before the first training step.

        A learnable scale starts from ``v``: the latent weight, or the first
        batch of inputs that is not empty (rank 0's, where several ranks
        train). By default nothing happens.
        """


class ActivationBinarizer(Binarizer):
    """Base of activation binarizers: ``Q(x) = sign(x)`` unless said otherwise.

    ``x`` is (N, C, H, W) or (N, C); a constructor argument ``channels``, if
    there is one, is C.
    """

    def packed_form(self) -> tuple:
        """(threshold, factor) with ``Q(x) = factor * sign(x - threshold)``.

        Each is a tensor of one or C values, or None for 0 and 1. Only this
        form runs on bits: a binarizer with parameters says here what they
        come to.

        Raises:
            ValueError: If the subclass has another form and does not say.
        """
        if self.own_parts:
            raise ValueError(
                f'{type(self).__name__} has its own {", ".join(self.own_parts)}, and no '
                'packed_form that tells the threshold t and the factor s of s sign(x - t)'
            )
        return None, None


class WeightBinarizer(Binarizer):
    r"""Base of weight rules: ``Q(W) = alpha sign(W)``.

    By default the straight-through estimator hands the gradient of Q(W) to
    the latent weight where ``|W| <= 1`` and takes alpha as a constant, as
    Bi-Real Net does: dL/dW = dL/dQ(W) * 1{|W| <= 1}. A constructor argument
    ``channels``, if there is one, is the number of output channels, axis 0;
    ``shape`` is the shape of the weight. ``BinarizerHook`` calls
    ``extra_loss``, ``before_step`` and ``before_epoch`` of a subclass that
    has them; what they keep is in buffers.
    """

    clip: Optional[float] = 1.0

    @window
    def surrogate_grad(self, grad_output: Tensor, u: Tensor) -> Tensor:
        """``grad_output * 1{|u| <= clip}``; without a clip all of it."""
        return grad_output if self.clip is None else pass_within(grad_output, u, self.clip)

    def decompose(self, weight: Tensor) -> tuple:
        """(signs in {-1, +1}, scale): what a packed layer stores.

        Raises:
            ValueError: If the subclass has its own ``forward`` and does not
                say what it comes to.
        """
        if type(self).forward is not Binarizer.forward:
            raise ValueError(
                f'{type(self).__name__} has its own forward. Write def decompose(self, weight): '
                'return signs, scale, with forward(weight) = scale * signs.'
            )
        u = self.transform(weight.detach())
        scale = self.scale(u)
        return binary_sign(u), u.new_ones(()) if scale is None else scale

    def values_beside_bits(self, weight: Tensor) -> int:
        """How many real values inference needs beside the signs."""
        return self.decompose(weight)[1].numel()

    @torch.no_grad()
    def real_twin(self, weight: Tensor) -> Tensor:
        """The real weight that Q(W) stands for; SURGE's W_a starts from it, or is tied to it.

        ``transform(W)``, whose signs Q(W) has, with each output channel in the
        size that it has in W.
        """
        if 'transform' not in self.own_parts:
            return weight.detach()
        u = self.transform(weight.detach())
        wide = (-1, *[1] * (u.dim() - 1))
        size, own = (each.flatten(1).norm(dim=1).view(wide) for each in (weight, u))
        return u * torch.where(own > 0, size / own, 0)

    def before_step(self, weight: nn.Parameter) -> None:
        """Between backward and the optimiser's step, once in each; not by default.

        Args:
            weight (nn.Parameter): With the ``grad`` that the step will take:
                of all ranks and micro-batches, without the factor of AMP, not
                clipped yet.
        """

    def before_epoch(self, weight: nn.Parameter) -> None:
        """Before the first iteration of each epoch; not by default."""


def _own_classes(kind: type) -> list:
    """The classes of a binarizer that are not of this file."""
    return [each for each in kind.__mro__ if each.__module__ != __name__]
