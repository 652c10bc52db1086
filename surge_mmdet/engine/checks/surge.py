"""Is SURGE really on? Asked before the first step."""

from fnmatch import fnmatchcase

import torch
from torch import nn

from ...errors import unknown
from ..bare_model import bare_model
from ..layer_access import binary_layers

EXCLUDE = "default_hooks=dict(ags=dict(exclude=('{}', )))"


def check_surge(runner, exclude: tuple = ()) -> dict:
    """Refuse to train with SURGE silently off.

    Args:
        runner (Runner): Its model and optimizer are built.
        exclude (tuple[str]): Patterns of binary layers that are meant to be
            plain (``surge=None``).

    Returns:
        dict[str, BinaryLayer]: The layers that train with SURGE.

    Raises:
        ValueError: If FSDP has sharded the model, if a binary layer has no
            auxiliary branch, or if its auxiliary weight is not in the
            optimizer or would change how the network's gradients are
            clipped.
    """
    _check_whole(runner.model)
    layers = _expected(bare_model(runner), exclude)
    _check_compensated(layers)
    _check_optimised(runner.optim_wrapper, layers)
    _check_clipping(runner.optim_wrapper)
    return layers


def _check_whole(model: nn.Module) -> None:
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


def _expected(model: nn.Module, exclude: tuple) -> dict:
    """The layers that learn and are not excluded."""
    binary = binary_layers(model)
    for pattern in exclude if binary else ():  # without any, that is the fault to name
        if not any(fnmatchcase(name, pattern) for name in binary):
            raise unknown('AGSHook: exclude matches no binary layer', pattern, binary, EXCLUDE)
    return {
        name: layer
        for name, layer in binary.items()
        if layer.weight.requires_grad and not any(fnmatchcase(name, p) for p in exclude)
    }


def _check_compensated(layers: dict) -> None:
    plain = [name for name, layer in layers.items() if not layer.compensated]
    if layers and not plain:
        return
    what = (
        f'{len(plain)} of {len(layers)} binary layers have no auxiliary branch: {", ".join(plain)}'
        if plain
        else 'the model has no binary layer that learns'
    )
    raise ValueError(
        f'AGSHook: {what}. Write policy=dict(layer=dict(surge='
        'dict(eta=0.1))) for each module, or train without SURGE: '
        'default_hooks=dict(ags=dict(_delete_=True, '
        "type='surge_mmdet.NonFiniteStepHook'))."
    )


def _check_optimised(wrapper, layers: dict) -> None:
    optimised = {id(p) for group in wrapper.param_groups for p in group['params']}
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


def _check_clipping(wrapper) -> None:
    if getattr(wrapper, 'clip_grad_kwargs', None) and not getattr(wrapper, 'clips_apart', False):
        raise ValueError(
            f'AGSHook: {type(wrapper).__name__} clips the gradients of '
            "auxiliary weights together with the network's. Write "
            "optim_wrapper=dict(constructor='surge_mmdet."
            "SurgeOptimWrapperConstructor'), which also keeps them apart "
            'under --amp.'
        )
