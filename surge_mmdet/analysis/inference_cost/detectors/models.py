"""The detector of a config in its forms: simulated, packed, and its float twin."""

import copy
from collections.abc import Sequence
from typing import Optional

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ....convert import swap
from ....deploy.checkpoint import open_checkpoint
from ....deploy.fold import fold_norms
from ....deploy.fused.fuse import fuse
from ....deploy.fused.mmcv_layout import keep_mmcv_right
from ....deploy.fused.nms import use_packed_nms
from ....deploy.fused.roi import PackedRoIExtractor
from ....deploy.load import packed_structure
from ....layers import BinaryLayer
from ...loading import build_detector, load_config

LINE = 'inference.py detector configs/ssd/ssd300_vgg16_surge_12e_bccd.py'


def opened(config: str, checkpoint: Optional[str] = None, batches: Sequence = ()) -> nn.Module:
    """The detector of a config in eval mode.

    Args:
        config (str): A config file.
        checkpoint (str | None): Of its training; None for random weights.
        batches (Sequence[dict]): For random weights: what the norms take their
            statistics from.

    Raises:
        FileNotFoundError, ValueError: As :func:`open_checkpoint`.
    """
    from mmengine.model import revert_sync_batchnorm

    if checkpoint:
        return revert_sync_batchnorm(open_checkpoint(checkpoint, config)).eval()
    torch.manual_seed(0)
    model = build_detector(load_config(config), config, LINE)
    model.init_weights()
    model = revert_sync_batchnorm(model).eval()
    set_norms(model, batches)
    return model


def float_twin(model: nn.Module, batches: Sequence = ()) -> nn.Module:
    """The same structure with every layer real, in a copy.

    Args:
        model (nn.Module): With binary layers, or without.
        batches (Sequence[dict]): For random weights, see :func:`opened`: real
            layers have other statistics than binary ones.
    """
    twin = copy.deepcopy(model)
    swap(twin, lambda _, layer: layer.to_float() if isinstance(layer, BinaryLayer) else None)
    twin.eval()
    set_norms(twin, batches)
    return twin


def folded(model: nn.Module) -> nn.Module:
    """A float detector as it runs fastest: norms folded, channels last; in a copy."""
    found = fold_norms(copy.deepcopy(model)).requires_grad_(False)
    return keep_mmcv_right(found.to(memory_format=torch.channels_last))


def packed(model: nn.Module, real_compute: Optional[str] = None) -> nn.Module:
    """A binary detector as ``load_packed`` gives it, in a copy.

    Args:
        model (nn.Module): The trained one.
        real_compute (str | None): As :func:`load_packed`.

    Raises:
        ValueError: If it has no layer that can be packed.
    """
    found = copy.deepcopy(model)
    packed_structure(found)
    return keep_mmcv_right(fuse(found, real_compute))


def with_packed_rest(model: nn.Module) -> nn.Module:
    """A float detector with this package's RoIAlign and suppression, in place."""
    swap(model, lambda _, m: PackedRoIExtractor.of(m) if PackedRoIExtractor.fits(m) else None)
    use_packed_nms(model)
    return model


@torch.no_grad()
def set_norms(model: nn.Module, batches: Sequence) -> None:
    """Give each batch norm the statistics of these batches; none leaves them."""
    if not batches:
        return
    for norm in model.modules():
        if isinstance(norm, _BatchNorm):
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches
            norm.train()
    # Together: a norm on a map of one pixel needs more than one image.
    together = {key: [x for batch in batches for x in batch[key]] for key in batches[0]}
    model(**model.data_preprocessor(copy.deepcopy(together), False), mode='predict')
    model.eval()
