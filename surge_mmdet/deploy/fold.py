"""From a trained binary detector to its packed form: bits, and norms folded away."""

from collections import Counter
from typing import Optional

import torch
from mmcv.cnn import ConvModule
from mmdet.models.backbones.resnet import BasicBlock, Bottleneck, ResNet
from mmengine.model.utils import revert_sync_batchnorm
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..convert import swap
from ..kernels.ops import kernel_name
from ..layers import BinaryLayer
from ..models import BinaryResNet, BinaryRPNHead, BinaryShared2FCBBoxHead
from ..models.backbones.binary_blocks import BinaryBasicBlock, BinaryBottleneck
from ..models.shortcut import ShortcutConvModule
from .packed_layers import PackedLayer, packed_twin

# Modules that run their children as they are registered, as far as norms go.
IN_ORDER = (
    nn.Sequential,
    ResNet,
    BasicBlock,
    Bottleneck,
    BinaryResNet,
    BinaryBasicBlock,
    BinaryBottleneck,
    BinaryRPNHead,
    BinaryShared2FCBBoxHead,
)


def pack_layers(model: nn.Module) -> dict:
    """Swap every binary layer of ``model`` for its packed twin, in place.

    Returns:
        dict[str, str]: Name to reason of binary layers that stay as they are:
        more than a bit, or a binarizer that has no packed form.

    Raises:
        ValueError: If ``SURGE_KERNEL`` names no kernel.
    """
    kernel_name()  # a wrong SURGE_KERNEL is no reason to keep a layer
    kept = {}

    def twin_of(name: str, module: nn.Module) -> Optional[nn.Module]:
        if not isinstance(module, BinaryLayer):
            return None
        if not module.fully_binary:
            kept[name] = _more_than_a_bit(module)
            return None
        try:
            return packed_twin(module)
        except ValueError as error:
            kept[name] = str(error)
            return None

    swap(model, twin_of)
    return kept


def _more_than_a_bit(layer: BinaryLayer) -> str:
    rule, activation = layer.weight_rule, layer.activation
    if rule.bits > 1:
        return f'{type(rule).__name__} keeps its weights real'
    return (
        f'{type(activation).__name__} has {activation.bits} bits, and only single bits are packed'
    )


def fold_norms(model: nn.Module) -> nn.Module:
    """Fold each batch norm right behind a convolution or linear layer into it.

    A norm is right behind a layer if it is the next child of a module of
    :data:`IN_ORDER`, or of a ConvModule whose order says so. In a module with
    a forward of its own nobody knows, and its norms stay. A layer that several
    modules hold (RTMDet's heads share theirs between levels, each with norms
    of its own) keeps its norms too.

    Args:
        model (nn.Module): Changed in place; the norms become ``nn.Identity``.
    """
    holders = Counter(child for m in model.modules() for child in m._modules.values() if child)
    for parent in list(model.modules()):
        for layer, key, norm in _pairs(parent):
            if holders[layer] == 1 and holders[norm] == 1:
                _fold(layer, norm)
                setattr(*key, nn.Identity())
    return model


def _pairs(parent: nn.Module) -> list:
    """(layer, where its norm is held, norm) of the direct children."""
    found, before = [], None
    if not _norm_follows(parent):
        return found
    for name, child in parent._modules.items():
        if _folds(before) and isinstance(child, _BatchNorm):
            found.append((before, (parent, name), child))
        before = child
    if isinstance(parent, BinaryShared2FCBBoxHead):  # two lists side by side
        lists = zip(parent.shared_fcs, parent.shared_norms, strict=True)
        found += [
            (layer, (parent.shared_norms, str(i)), norm)
            for i, (layer, norm) in enumerate(lists)
            if _folds(layer) and isinstance(norm, _BatchNorm)
        ]
    return found


def _norm_follows(parent: nn.Module) -> bool:
    """Whether a norm registered behind a layer runs right behind it."""
    forward = type(parent).forward
    if forward is ConvModule.forward or forward is ShortcutConvModule.forward:
        order = list(parent.order)
        return order[order.index('conv') + 1 :][:1] == ['norm']
    return any(forward is kind.forward for kind in IN_ORDER)


def _folds(layer) -> bool:
    return isinstance(layer, PackedLayer) or type(layer) in (nn.Conv2d, nn.Linear)


@torch.no_grad()
def norm_affine(norm: _BatchNorm) -> tuple:
    """(factor, shift) of a norm in eval mode, float64, one for each channel."""
    factor = torch.rsqrt(norm.running_var.double() + norm.eps)
    factor = factor * (1 if norm.weight is None else norm.weight.double())
    shift = -norm.running_mean.double() * factor
    return factor, shift + (0 if norm.bias is None else norm.bias.double())


@torch.no_grad()
def _fold(layer: nn.Module, norm: _BatchNorm) -> None:
    factor, shift = norm_affine(norm)
    if isinstance(layer, PackedLayer):
        layer.bias.copy_(layer.bias.double() * factor + shift)
        layer.scale.mul_(factor.float())
        return
    bias = 0 if layer.bias is None else layer.bias.double()
    wide = factor.view(-1, *[1] * (layer.weight.dim() - 1))
    layer.weight.data = (layer.weight.double() * wide).float()
    layer.bias = nn.Parameter((bias * factor + shift).float())


def pack_model(model: nn.Module, real_too: bool = False) -> tuple:
    """A trained detector as a packed one, in eval mode; ``model`` is changed.

    Args:
        model (nn.Module): The detector.
        real_too (bool): Take one without binary layers as well; its norms are folded.

    Returns:
        tuple: (the model, name to reason of the binary layers that were kept).

    Raises:
        ValueError: If nothing can be packed; the text says why.
    """
    model = revert_sync_batchnorm(model.cpu().eval())
    kept = pack_layers(model)
    if not (real_too or any(isinstance(module, PackedLayer) for module in model.modules())):
        why = '; '.join(f'{name}: {reason}' for name, reason in list(kept.items())[:3])
        raise ValueError(
            'the model has no layer with 1-bit weights'
            + (f' ({why})' if why else '')
            + '. Name the config and checkpoint of a binary detector, such as configs/'
            'faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py.'
        )
    fold_norms(model)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model, kept
