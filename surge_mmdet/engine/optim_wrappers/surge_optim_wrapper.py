"""Gradient clipping that keeps auxiliary weights apart."""

from typing import Optional

from mmengine.optim import AmpOptimWrapper, OptimWrapper

from ...registry import OPTIM_WRAPPERS
from ..checks.optimizer_state import optimizer_differences
from ..checks.resume import refuse

AUXILIARY = 'auxiliary'  # the mark of W_a's parameter group


class ApartClipping:
    """Mixin of optimiser wrappers: two clipping norms instead of one.

    The gradients of the auxiliary weights W_a exist for the backward pass
    only. Clipped together with the network's, they would change how much the
    network learns in a step; here each part is clipped by its own norm, and
    both norms are logged: ``grad_norm`` (the network) and
    ``surge.aux_grad_norm``.

    W_a is told apart by its parameter group, which
    :class:`SurgeOptimWrapperConstructor` makes.

    Args:
        clip_aux_grad (dict | None): As ``clip_grad``, for W_a. By default
            the limits of ``clip_grad``.
        *args, **kwargs: As MMEngine's wrapper.

    Attributes:
        clips_apart (bool): What AGSHook asks a wrapper that clips.
        before_clipping (list): Called with the optimizer before the norms are
            taken, when the gradients have no factor of AMP any more.
    """

    clips_apart = True

    def __init__(self, *args, clip_aux_grad: Optional[dict] = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if clip_aux_grad and not self.clip_grad_kwargs:
            raise ValueError(
                'clip_aux_grad without clip_grad has no effect. Write '
                'optim_wrapper=dict(clip_grad=dict(max_norm=10), '
                f'clip_aux_grad={clip_aux_grad}).'
            )
        self.before_clipping: list = []
        self.clip_aux_kwargs = dict(clip_aux_grad or self.clip_grad_kwargs or {})

    def load_state_dict(self, state_dict: dict) -> None:
        """As MMEngine's, but never the state of other parameters.

        Raises:
            ValueError: If types, numbers, groups or shapes differ. PyTorch
                would load other shapes, and the next step would crash.
        """
        refuse(optimizer_differences(self.optimizer, state_dict))
        super().load_state_dict(state_dict)

    def _clip_grad(self) -> None:
        """Clip both parts; called by MMEngine before each step."""
        for call in self.before_clipping:
            call(self.optimizer)
        for auxiliary, limits, name in (
            (False, self.clip_grad_kwargs, self.grad_name),
            (True, self.clip_aux_kwargs, f'surge.aux_{self.grad_name}'),
        ):
            parameters = self._with_gradient(auxiliary)
            norm = self.clip_func(parameters, **limits) if parameters else None
            if norm is not None:
                self.message_hub.update_scalar(f'train/{name}', float(norm))

    def _with_gradient(self, auxiliary: bool) -> list:
        return [
            p
            for group in self.optimizer.param_groups
            if group.get(AUXILIARY, False) == auxiliary
            for p in group['params']
            if p.grad is not None
        ]


@OPTIM_WRAPPERS.register_module()
class SurgeOptimWrapper(ApartClipping, OptimWrapper):
    """MMEngine's ``OptimWrapper`` with :class:`ApartClipping`."""


@OPTIM_WRAPPERS.register_module()
class SurgeAmpOptimWrapper(ApartClipping, AmpOptimWrapper):
    """MMEngine's ``AmpOptimWrapper`` with :class:`ApartClipping`."""
