"""What stays real in any mmdet detector unless the policy says otherwise."""

from fnmatch import fnmatchcase
from typing import Optional

from mmcv.cnn import ConvModule, is_norm
from mmdet.models.layers import ChannelAttention, DyReLU, SELayer
from torch import nn

from .binarize import is_layer

STEM = 'stem: reads the image'
GATE = 'gate: scales whole channels'
DEPTHWISE = 'depthwise: one input channel per output'
AFTER_RELU = 'behind F.relu in the code: its signs would all be +1'
FROZEN = 'frozen: its signs would never learn; see frozen_stages'
OUTPUT = 'prediction: no norm or activation follows in the head'
PREDICTION = 'prediction: needs real scores and offsets'

# The first pattern that matches a layer's name gives the reason.
REAL_BY_NAME = {
    '*.downsample.*': 'shortcut: must carry real values',
    '*.conv_offset': 'offsets of a deformable convolution',
    # retina_cls, multi_level_conv_reg.0, fc_cls, rtm_obj.2, ...
    **dict.fromkeys(
        (
            '*_cls',
            '*_cls.*',
            '*_reg',
            '*_reg.*',
            '*_obj',
            '*_obj.*',
            '*_centerness',
            '*_centerness.*',
            '*.conv_logits',
        ),
        PREDICTION,
    ),
}
GATES = (SELayer, DyReLU, ChannelAttention)
HIDDEN = ('rpn_conv',)  # F.relu follows it in the code


def real_layers(detector: nn.Module) -> dict:
    """Name to reason of each layer that stays real by default.

    Args:
        detector (nn.Module): As mmdet builds it; parts whose name contains
            ``head`` are heads.
    """
    modules = dict(detector.named_modules())
    layers = [name for name, module in modules.items() if is_layer(module)]
    special = {**_behind_relu(modules), **_first(layers)}
    reasons = {
        name: special.get(name) or _by_name(name) or _by_kind(name, modules) for name in layers
    }
    return {name: reason for name, reason in reasons.items() if reason}


def _first(layers: list) -> dict:
    backbone = [name for name in layers if name.startswith('backbone.')]
    return {name: STEM for name in (backbone or layers)[:1]}


def _behind_relu(modules: dict) -> dict:
    """Extra levels of a pyramid with ``relu_before_extra_convs``."""
    found = {}
    for name, module in modules.items():
        if getattr(module, 'relu_before_extra_convs', False):
            first = len(module.lateral_convs) + 1
            found.update(
                {
                    f'{name}.fpn_convs.{i}.conv': AFTER_RELU
                    for i in range(first, len(module.fpn_convs))
                }
            )
    return found


def _by_name(name: str) -> Optional[str]:
    return next(
        (reason for pattern, reason in REAL_BY_NAME.items() if fnmatchcase(name, pattern)), None
    )


def _by_kind(name: str, modules: dict) -> Optional[str]:
    layer, path = modules[name], name.split('.')
    above = [modules['.'.join(path[:i])] for i in range(len(path))]
    if any(isinstance(module, GATES) for module in above):
        return GATE
    if getattr(layer, 'groups', 1) > 1 and layer.in_channels == layer.groups:
        return DEPTHWISE
    if not layer.weight.requires_grad:
        return FROZEN
    in_head = 'head' in path[0] and path[-1] not in HIDDEN
    if in_head and isinstance(layer, nn.Conv2d) and _is_output(above[-1]):
        return OUTPUT
    return None


def _is_output(parent: nn.Module) -> bool:
    if isinstance(parent, ConvModule):
        return not (parent.with_norm or parent.with_activation)
    return not any(is_norm(child) for child in parent.children())
