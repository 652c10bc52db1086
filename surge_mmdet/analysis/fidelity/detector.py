"""A detector, its loss on one fixed batch, and the layers to look at."""

import logging
import sys
from collections import Counter
from collections.abc import Callable
from typing import Optional

import torch
from torch import nn

from ...errors import unknown
from ...layers import BinaryLayer
from ..loading import build_model, load_config, seed_all, training_batches


def fixed_loss(config: str, checkpoint: Optional[str], options: dict) -> tuple:
    """The detector of a config in training mode, and its loss on one batch.

    Args:
        config (str): A config file.
        checkpoint (str | None): Its weights; None for random ones.
        options (dict): As ``--cfg-options``.

    Returns:
        tuple[nn.Module, Callable]: The loss is the same at every call.
    """
    from mmengine.logging import MMLogger
    from mmengine.runner import load_checkpoint

    cfg = load_config(config, options)
    # init_weights tells of every parameter
    MMLogger.get_instance('fidelity', log_level=logging.WARNING)
    torch.manual_seed(0)
    model = build_model(cfg, config)
    model.init_weights()
    if checkpoint:
        found = load_checkpoint(model, checkpoint, map_location='cpu', strict=True)
        if not any('aux_weight' in key for key in found.get('state_dict', found)):
            print(
                f'{checkpoint} has no auxiliary weights: SURGE is measured '
                'with fresh ones (init of the config)',
                file=sys.stderr,
            )
    seed_all(0)  # augmentations
    batch = next(iter(training_batches(cfg)))
    data = model.train().data_preprocessor(batch, True)

    def loss() -> torch.Tensor:
        torch.manual_seed(0)  # samplers of proposals draw at random
        return model.parse_losses(model(**data, mode='loss'))[0]

    return model, loss


def choose_layers(model: nn.Module, loss: Callable, wanted: list, count: int) -> dict:
    """Compensated layers by name, evenly spread over depth.

    A layer that runs on several maps, such as the RPN's, has no one input
    that could be varied.

    Args:
        model (nn.Module): A detector.
        loss (Callable): Its loss on one batch.
        wanted (list[str]): Names; empty to choose ``count`` of all.
        count (int): How many.

    Raises:
        ValueError: If there is no such layer.
    """
    layers = {
        name: m for name, m in model.named_modules() if isinstance(m, BinaryLayer) and m.compensated
    }
    if not layers:
        raise ValueError(
            'The config has no layer with SURGE. Write policy=dict('
            'layer=dict(surge=dict(eta=0.1))), or choose a surge config.'
        )
    for layer in layers.values():
        layer.start()
    calls = count_calls(layers, loss)
    once = [name for name in layers if calls[name] == 1]
    for name in wanted:
        if name not in once:
            what = f'--layers: a layer that runs once ({name} runs {calls.get(name, 0)} times)'
            raise unknown(what, name, once, '--layers {}')
    step = max(1, len(once) / count)
    picked = wanted or [once[int(i * step)] for i in range(min(count, len(once)))]
    return {name: layers[name] for name in picked}


def count_calls(layers: dict, loss: Callable) -> Counter:
    """How often each layer runs in ``loss()``, by name."""
    calls = Counter()
    handles = [
        layer.register_forward_pre_hook(lambda *_, name=name: calls.update([name]))
        for name, layer in layers.items()
    ]
    try:
        with torch.no_grad():
            loss()
    finally:
        for handle in handles:
            handle.remove()
    return calls
