"""Activations of binary networks, from config."""

from typing import Optional

from mmcv.cnn import build_activation_layer
from torch import nn

PER_CHANNEL = ('PReLU', 'RPReLU', 'surge_mmdet.RPReLU')


def refuse_relu(cfg: Optional[dict]) -> None:
    """Raise ValueError for an activation without negative values."""
    if cfg and cfg.get('type') in ('ReLU', 'ReLU6'):
        raise ValueError(
            'ReLU in front of a binary layer makes sign(x) = +1 everywhere. '
            "Write act_cfg=dict(type='PReLU') or dict(type='Hardtanh')."
        )


def build_act_layer(cfg: Optional[dict], channels: int) -> nn.Module:
    """Activation layer; PReLU and RPReLU get one slope per channel.

    Args:
        cfg (dict | None): ``dict(type='PReLU')``, ``'RPReLU'``,
            ``'Hardtanh'`` or any activation of mmcv but ReLU; None for none.
        channels (int): Of the maps it works on.

    Raises:
        TypeError, ValueError: For what is no such activation.
    """
    if cfg is None:
        return nn.Identity()
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise TypeError(
            f"act_cfg must be a dict with a type, got {cfg!r}. Write act_cfg=dict(type='PReLU')."
        )
    refuse_relu(cfg)
    cfg = dict(cfg)
    if cfg['type'] in PER_CHANNEL:
        cfg.setdefault('num_parameters', channels)
    if cfg['type'] == 'RPReLU':
        cfg['type'] = 'surge_mmdet.RPReLU'
    if cfg['type'] == 'Hardtanh':  # not registered by mmcv
        options = {k: v for k, v in cfg.items() if k != 'type'}
        return nn.Hardtanh(**options)
    try:
        return build_activation_layer(cfg)
    except KeyError as error:
        raise ValueError(
            f'act_cfg: unknown type {cfg["type"]!r}. Write '
            "act_cfg=dict(type='PReLU'), dict(type='RPReLU') or "
            "dict(type='Hardtanh')."
        ) from error
