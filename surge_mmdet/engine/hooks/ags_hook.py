"""Makes sure SURGE is on, and shows what AGS does."""

from collections import defaultdict
from fnmatch import fnmatchcase

import torch
from mmengine.dist import all_reduce

from ...layers import BinaryLayer
from ...registry import HOOKS
from ...surge.extensions import close_steps, running_scalers
from ..bare_model import bare_model
from ..optim_wrappers import ApartClipping
from .non_finite_step_hook import NonFiniteStepHook

PUBLISHED = {'scale': 'lambda', 'norm_b': 'norm_b', 'norm_a': 'norm_a', 'cosine': 'cosine'}


@HOOKS.register_module()
class AGSHook(NonFiniteStepHook):
    """Checks before training that every binary layer is compensated, and
    publishes AGS per stage.

    Into the message hub, and so into the JSON log and TensorBoard, go for
    each stage (``backbone.layer1``, ``neck.fpn_convs``, ...) the means over
    its layers: ``surge.lambda.<stage>``, ``surge.norm_b.<stage>``,
    ``surge.norm_a.<stage>`` and ``surge.cosine.<stage>``; and the totals
    ``surge.skipped_steps`` and ``surge.non_finite``. (No slashes: mmdet's
    ``analyze_logs.py`` takes a row with one for a validation.)

    Args:
        interval (int): Publish every so many iterations.
        exclude (Sequence[str]): Patterns of binary layers that are meant to
            be plain (``surge=None``).
        max_consecutive (int): See :class:`NonFiniteStepHook`.

    Raises:
        ValueError: Before training, if a binary layer has no auxiliary
            branch, its weight is not in the optimiser, or would change how
            the network's gradients are clipped; or if FSDP has sharded the
            model.
    """

    def __init__(self, interval: int = 10, exclude: tuple = (), max_consecutive: int = 50) -> None:
        super().__init__(max_consecutive)
        if interval < 1:
            raise ValueError(
                f'AGSHook: interval must be >= 1, got {interval}'
                ". Write ags=dict(type='surge_mmdet.AGSHook', "
                'interval=10).'
            )
        self.interval = interval
        self.exclude = tuple(exclude)

    def before_train(self, runner) -> None:
        """Refuse to train with SURGE silently off."""
        _check_whole(runner.model)
        super().before_train(runner)
        layers = self._expected(runner)
        self._check_compensated(layers)
        self._check_optimised(runner, layers)
        self._check_clipping(runner)
        for layer in layers.values():
            layer.start()
        self._layers = layers
        self._running = running_scalers(bare_model(runner))
        for scaler in self._running:
            scaler.watched = True
        self._watchers = [
            layer.register_forward_pre_hook(
                lambda _, args, name=name: _warn_of_constant_sign(runner, name, args[0])
            )
            for name, layer in layers.items()
        ]

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Ask for the cosine in iterations that will be published."""
        monitor = (runner.iter + 1) % self.interval == 0
        for layer in self._layers.values():
            layer.ags.monitor = monitor
            layer.ags.take_calls()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Publish the statistics of this iteration."""
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if self._watchers:  # after the first iteration only
            self._check_used(runner)
        if self._running and runner.optim_wrapper.should_update():
            close_steps(self._running, all_reduce)
        if (runner.iter + 1) % self.interval == 0:
            self._publish(runner.message_hub)

    def _expected(self, runner) -> dict:
        binary = {
            name: layer
            for name, layer in bare_model(runner).named_modules()
            if isinstance(layer, BinaryLayer)
        }
        for pattern in self.exclude:
            if not any(fnmatchcase(name, pattern) for name in binary):
                raise ValueError(
                    f'AGSHook: exclude pattern {pattern!r} '
                    'matches no binary layer. The layers are '
                    f'{", ".join(binary)}.'
                )
        return {
            name: layer
            for name, layer in binary.items()
            if layer.weight.requires_grad and not any(fnmatchcase(name, p) for p in self.exclude)
        }

    @staticmethod
    def _check_compensated(layers: dict) -> None:
        plain = [name for name, lay in layers.items() if not lay.compensated]
        if plain or not layers:
            what = (
                f'{len(plain)} of {len(layers)} binary layers have no '
                f'auxiliary branch: {", ".join(plain)}'
                if plain
                else 'the model has no binary layer that learns'
            )
            raise ValueError(
                f'AGSHook: {what}. Write policy=dict(layer=dict(surge='
                'dict(eta=0.3))) for each module, or train without SURGE: '
                'default_hooks=dict(ags=dict(_delete_=True, '
                "type='surge_mmdet.NonFiniteStepHook'))."
            )

    @staticmethod
    def _check_optimised(runner, layers: dict) -> None:
        optimised = {id(p) for group in runner.optim_wrapper.param_groups for p in group['params']}
        lost = [
            name
            for name, layer in layers.items()
            if layer.aux_weight is not None
            and (id(layer.aux_weight) not in optimised or not layer.aux_weight.requires_grad)
        ]
        if lost:
            raise ValueError(
                f'AGSHook: the auxiliary weights of {", ".join(lost)} are '
                'not in the optimiser, so SURGE would not learn. Remove what '
                'excludes aux_weight from optim_wrapper.paramwise_cfg or '
                'the optimiser constructor.'
            )

    @staticmethod
    def _check_clipping(runner) -> None:
        wrapper = runner.optim_wrapper
        clips = getattr(wrapper, 'clip_grad_kwargs', None)
        if clips and not isinstance(wrapper, ApartClipping):
            raise ValueError(
                f'AGSHook: {type(wrapper).__name__} clips the gradients of '
                "auxiliary weights together with the network's. Write "
                "optim_wrapper=dict(constructor='surge_mmdet."
                "SurgeOptimWrapperConstructor'), which also keeps them apart "
                'under --amp.'
            )

    def _check_used(self, runner) -> None:
        while self._watchers:
            self._watchers.pop().remove()
        unused = [name for name, layer in self._layers.items() if layer.ags.read().steps == 0]
        if unused:
            runner.logger.warning(
                f'AGSHook: no gradient passed through {", ".join(unused)} in the first iteration'
            )

    def _publish(self, hub) -> None:
        stages, non_finite = defaultdict(list), 0
        for name, layer in self._layers.items():
            non_finite += layer.ags.read().non_finite.item()
            means = layer.ags.take_calls()
            if means:
                stages[stage_of(name)].append(means)
        for stage, rows in stages.items():
            for field, label in PUBLISHED.items():
                mean = sum(getattr(row, field) for row in rows) / len(rows)
                hub.update_scalar(f'train/surge.{label}.{stage}', mean)
        hub.update_scalar('train/surge.non_finite', non_finite)


def _check_whole(model) -> None:
    if not torch.distributed.is_available():
        return
    from torch.distributed.fsdp import FullyShardedDataParallel
    from torch.distributed.tensor import DTensor

    if any(isinstance(m, FullyShardedDataParallel) for m in model.modules()) or any(
        isinstance(p, DTensor) for p in model.parameters()
    ):
        raise ValueError(
            'AGSHook: FSDP has sharded this model. The start of auxiliary '
            'weights, the clipping and the check for NaN need whole '
            'gradients on each rank. Leave model_wrapper_cfg out and start '
            'with tools/dist_train.sh CONFIG GPUS.'
        )


def _warn_of_constant_sign(runner, name: str, x: torch.Tensor) -> None:
    if x.numel() and bool((x >= 0).all()):
        runner.logger.warning(
            f'AGSHook: all inputs of {name} are >= 0, so their sign is +1 '
            'everywhere. Remove the ReLU in front of it: act_cfg=None or '
            "act_cfg=dict(type='PReLU')"
        )


def stage_of(name: str) -> str:
    """``backbone.layer1.0.conv1`` belongs to ``backbone.layer1``."""
    return '.'.join(name.split('.')[:2])
