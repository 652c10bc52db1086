"""A detector, its loss on one fixed batch, and the layers to look at."""

import logging
import sys
from typing import Optional

import torch
from torch import nn

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


def choose_layers(model: nn.Module, wanted: list, count: int) -> dict:
    """Compensated layers by name, evenly spread over depth.

    Args:
        model (nn.Module): A detector.
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
            'layer=dict(surge=dict(eta=0.3))), or choose a surge config.'
        )
    for layer in layers.values():
        layer.start()
    unknown = [name for name in wanted if name not in layers]
    if unknown:
        raise ValueError(f'no such layers: {", ".join(unknown)}. Choose from {", ".join(layers)}.')
    names = wanted or [n for n in layers if 'rpn' not in n]
    step = max(1, len(names) / count)
    picked = names if wanted else [names[int(i * step)] for i in range(min(count, len(names)))]
    return {name: layers[name] for name in picked}
