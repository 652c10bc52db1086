"""Calls what binarizers do beside a layer's forward: losses, steps, epochs."""

from types import SimpleNamespace

import torch
from mmengine.dist import broadcast
from mmengine.hooks import Hook

from ...registry import HOOKS
from ..bare_model import bare_model
from ..checks.carried import carried_binarizers
from .non_finite_step_hook import all_finite


@HOOKS.register_module()
class BinarizerHook(Hook):
    r"""Lets binarizers have losses, change gradients and renew themselves.

    A binarizer says what it needs by having the method
    (:class:`~surge_mmdet.binarizers.Binarizer`):

    - ``extra_loss``: its terms are summed over the layers and added to the
      losses of the model as ``loss_<name of the binarizer>``, so that they
      are logged, scaled by AMP and averaged over micro-batches as the others
      are. A layer that runs on several maps counts once, by their mean.
    - ``before_step``: called between backward and the optimiser's step, on
      gradients of all ranks and micro-batches without AMP's factor, and
      before they are clipped.
    - ``before_epoch``: called every so many iterations as an epoch of the
      training data has, at iteration 0 too, so that a resumed training goes
      on as an uninterrupted one.

    In a model without such binarizers the hook does nothing.

    Raises:
        ValueError: Before training, if an optimiser wrapper clips and is not
            one of this package; in it, if a layer with a loss runs without
            gradient, as inside of activation checkpointing.
    """

    carries_binarizers = True

    def before_train(self, runner) -> None:
        """Collect the binarizers, and listen where they have to be called."""
        model = bare_model(runner)
        found = carried_binarizers(model)
        self._epochs, self._steps, self._losses, self._handles = [], [], [], []
        self._inputs: dict = {}
        for name, (layer, binarizer) in found.items():
            layer.start()
            self._take(name, layer, binarizer)
        if self._losses:
            self._handles.append(model.register_forward_hook(self._add_losses, with_kwargs=True))
        if self._steps:
            self._listen_to_steps(runner.optim_wrapper)
        self._every = len(runner.train_dataloader) if self._epochs else 0

    def _take(self, name: str, layer, binarizer) -> None:
        if 'before_epoch' in binarizer.carried:
            self._epochs.append((layer, binarizer))
        if 'before_step' in binarizer.carried:
            self._steps.append((layer, binarizer))
        if 'extra_loss' in binarizer.carried:
            self._losses.append((name, layer, binarizer))
            if binarizer is layer.activation:
                self._handles.append(
                    layer.register_forward_pre_hook(
                        lambda layer, args, name=name: self._hear(name, layer, args[0])
                    )
                )

    def _listen_to_steps(self, wrapper) -> None:
        for each in wrapper.values() if hasattr(wrapper, 'values') else [wrapper]:
            if not getattr(each, 'clip_grad_kwargs', None):
                self._handles.append(
                    each.optimizer.register_step_pre_hook(
                        lambda optimizer, args, kwargs: self._before_step(optimizer)
                    )
                )
            elif getattr(each, 'clips_apart', False):
                each.before_clipping.append(self._before_step)
                self._handles.append(
                    SimpleNamespace(remove=lambda calls=each.before_clipping: calls.clear())
                )
            else:
                raise ValueError(
                    f'BinarizerHook: {type(each).__name__} clips gradients before binarizers have '
                    "changed them. Write optim_wrapper=dict(constructor='surge_mmdet."
                    "SurgeOptimWrapperConstructor')."
                )

    def after_train(self, runner) -> None:
        """Leave model and optimisers as they were."""
        while self._handles:
            self._handles.pop().remove()

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Renew what is renewed each epoch; the first rank's for all."""
        self._inputs.clear()
        if not self._every or runner.iter % self._every:
            return
        for layer, binarizer in self._epochs:
            binarizer.before_epoch(layer.weight)
            for buffer in binarizer.buffers():
                broadcast(buffer)

    def _hear(self, name: str, layer, x: torch.Tensor) -> None:
        """The loss of an input, computed before the layer runs."""
        if not layer.training or not x.numel():
            return
        if not torch.is_grad_enabled():
            raise ValueError(
                f'BinarizerHook: {name} has a loss, and runs without gradient, as inside of '
                'activation checkpointing. Write with_cp=False for this part of the model.'
            )
        self._inputs.setdefault(name, []).append(layer.activation.extra_loss(x))

    def _add_losses(self, model, args, kwargs, losses):
        """Beside the model's own."""
        if kwargs.get('mode') != 'loss' or not model.training:
            return None
        heard, self._inputs = self._inputs, {}
        found: dict = {}
        for name, layer, binarizer in self._losses:
            if binarizer is layer.weight_rule:
                term = binarizer.extra_loss(layer.weight)
            else:
                term = sum(heard[name]) / len(heard[name]) if name in heard else None
            if term is not None:
                found.setdefault(f'loss_{type(binarizer).__name__.lower()}', []).append(term)
        return {**losses, **{name: torch.stack(terms).sum() for name, terms in found.items()}}

    @torch.no_grad()
    def _before_step(self, optimizer) -> None:
        if not all_finite(optimizer):
            return  # a step that will be skipped changes nothing
        # Fused optimisers take AMP's factor out of the gradients themselves.
        factor = getattr(optimizer, 'grad_scale', None)
        own = {id(p) for group in optimizer.param_groups for p in group['params']}
        for layer, binarizer in self._steps:
            weight = layer.weight
            if id(weight) not in own or weight.grad is None:
                continue
            if factor is not None:
                weight.grad.div_(factor)
            binarizer.before_step(weight)
            if factor is not None:
                weight.grad.mul_(factor)
