"""Any mmdet detector as a binary one, by its ``type`` in the config."""

import logging
from typing import Optional

from mmdet.models.detectors.base import BaseDetector
from mmdet.registry import MODELS as MMDET_MODELS
from mmengine.logging import print_log
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ...convert import DEFAULT_POLICY, binarize, policy_summary, real_layers, swap
from ...errors import nearest
from ...layers import BinaryLayer
from ...layers.activations import build_act_layer
from ...registry import MODELS

# Activations without negative values: the sign behind them is constant.
ONE_SIDED = (nn.ReLU, nn.ReLU6)
# PReLU's initial slope, but without a parameter: heads register ReLUs that
# they never call, and DDP stops at parameters without a gradient.
LEAKY = dict(type='LeakyReLU', negative_slope=0.25)
LINE = "Write model=dict(type='surge_mmdet.BinarizedDetector', detector={!r})."


@MODELS.register_module(name='BinarizedDetector')
def binarized_detector(
    detector: Optional[str] = None,
    policy: Optional[dict] = DEFAULT_POLICY,
    act_cfg: Optional[dict] = LEAKY,
    **model,
) -> BaseDetector:
    """Build an mmdet detector and swap its layers for binary ones in place.

    In a config, ``type`` becomes ``surge_mmdet.BinarizedDetector`` and
    ``detector`` takes over the type that was there; all other keys stay
    where they were, so that tools which read ``cfg.model.backbone`` still
    do. What is returned is mmdet's own detector: same class, same forward,
    same parameter names, real checkpoints load into the latent weights.

    Args:
        detector (str): Registered type of the real detector.
        policy (dict | None): Which layers become binary, see
            :class:`~surge_mmdet.convert.BinaryPolicy`; names are those
            of the whole detector. :func:`real_layers` says what stays real
            by default. Parts with a policy of their own (``BinaryResNet``)
            keep it. None returns the real detector untouched.
        act_cfg (dict | None): Replaces every ``nn.ReLU`` up to the last part
            with binary layers, since every sign behind a ReLU is +1.
            ``dict(type='PReLU')`` learns one slope per replaced module; None
            keeps the ReLUs.
        **model: All other keys of the detector's config.

    Returns:
        BaseDetector: With ``policy_decisions`` and ``policy_activations``
        for the report.

    Raises:
        ValueError, TypeError: If the detector is missing or unknown, or the
            policy cannot apply; the text shows the corrected line.
    """
    _check_name(detector)
    real = MMDET_MODELS.build(dict(type=detector, **model))
    if policy is None:
        return real
    real.train()  # CSPDarknet, CSPNeXt and Darknet freeze stages only here
    binarize(real, policy, real_layers(real))
    real.policy_activations = _replace_one_sided(real, act_cfg)
    real.train()  # freezes again what frozen_stages freezes
    print_log(f'{detector}, binarized:\n{policy_summary(real)}', 'current')
    _warn_of_frozen_norms(real)
    return real


def _check_name(detector) -> None:
    if not isinstance(detector, str):
        raise TypeError(
            f'BinarizedDetector: detector must be the type that model had '
            f'before, got {detector!r}. ' + LINE.format('RetinaNet')
        )
    found = MMDET_MODELS.get(detector)
    if not _is_detector(found):
        known = [name for name, kind in MMDET_MODELS.module_dict.items() if _is_detector(kind)]
        misspelt = found is None  # else another type, such as this one itself
        right = nearest(detector, ['RetinaNet', *known], 0.6) if misspelt else 'RetinaNet'
        raise ValueError(
            f'BinarizedDetector: {detector!r} is no detector '
            'that mmdet knows. ' + LINE.format(right)
        )


def _is_detector(found) -> bool:
    # Functions are registered too, this module's own for one.
    return isinstance(found, type) and issubclass(found, BaseDetector)


def _replace_one_sided(detector: nn.Module, act_cfg: Optional[dict]) -> dict:
    """Swap activations that may stand in front of a binary layer.

    Parts are registered in the order in which they run. What comes after
    the last part with a binary layer feeds none, and stays as it is.
    """
    if act_cfg is None:
        return {}
    parts = list(detector.named_children())
    while not _has_binary(parts[-1][1]):
        parts.pop()
    names = {name for name, _ in parts}

    def twin_of(name: str, module: nn.Module) -> Optional[nn.Module]:
        fits = type(module) in ONE_SIDED and name.partition('.')[0] in names
        return _two_sided(module, act_cfg) if fits else None

    return {
        name: f'{type(old).__name__} -> {type(new).__name__}'
        for name, (old, new) in swap(detector, twin_of).items()
    }


def _two_sided(one_sided: nn.Module, act_cfg: dict) -> nn.Module:
    # One channel: a shared module (ResNet's blocks) serves several widths.
    twin = build_act_layer(act_cfg, 1)
    if hasattr(twin, 'inplace'):
        twin.inplace = one_sided.inplace
    return twin


def _has_binary(part: nn.Module) -> bool:
    return any(isinstance(m, BinaryLayer) for m in part.modules())


def _warn_of_frozen_norms(detector: nn.Module) -> None:
    frozen = [
        name
        for name, module in detector.named_modules()
        if isinstance(module, _BatchNorm) and not module.training
    ]
    if frozen:
        part = frozen[0].split('.')[0]
        print_log(
            f'{len(frozen)} norms such as {frozen[0]} keep the statistics of '
            'the real network, which binary layers do not have. Write model='
            f'dict({part}=dict(norm_eval=False, frozen_stages=-1, '
            "norm_cfg=dict(type='BN', requires_grad=True))).",
            'current',
            logging.WARNING,
        )
