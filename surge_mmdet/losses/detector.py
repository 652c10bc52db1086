"""Any detector with further losses, by its ``type`` in the config."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Optional

from mmdet.models.detectors.base import BaseDetector
from mmdet.registry import MODELS as MMDET_MODELS
from torch import Tensor, nn

from ..registry import MODELS
from .build import build_losses, require_keys
from .context import Context, View, watched

PREFIX = 'extra_losses.'  # of parameters that are not needed to detect
LINE = (
    "Write model=dict(type='surge_mmdet.DetectorWithLosses', plain={!r}, "
    "losses=[dict(type='surge_mmdet.InformationBottleneck', weight=0.1)])."
)


class WithLosses:
    """Mixed into a detector's class: adds losses to its own.

    Attributes:
        extra_losses (nn.ModuleDict): By name, each a :class:`DetectorLoss`.
    """

    extra_losses: nn.ModuleDict

    def extract_feat(self, batch_inputs: Tensor) -> tuple:
        """The detector's maps; the last ones are kept for the losses."""
        maps = super().extract_feat(batch_inputs)
        self._maps = maps if self.training else None
        return maps

    def loss(self, batch_inputs: Tensor, batch_data_samples: Sequence) -> dict:
        """The detector's own losses, and ``loss_NAME`` of each further one."""
        names = {name for each in self.extra_losses.values() for name in each.watches(self)}
        with watched(self, sorted(names)) as calls:
            losses = super().loss(batch_inputs, batch_data_samples)
        view, self._maps = View(self._maps, self, calls), None
        context = self.context(view, batch_inputs, batch_data_samples)
        for name, loss in self.extra_losses.items():
            losses[f'loss_{name}'] = loss(context)
        return losses

    def context(self, view: View, images: Tensor, samples: Sequence) -> Context:
        """What the losses are given."""
        return Context(view, None, samples, tuple(images.shape[-2:]))


@MODELS.register_module(name='DetectorWithLosses')
def detector_with_losses(
    plain: Optional[str] = None, losses: Sequence = (), **model
) -> BaseDetector:
    """Build a detector whose training adds losses that need no teacher.

    In a config, ``type`` becomes ``surge_mmdet.DetectorWithLosses`` and
    ``plain`` takes over the type that was there; all other keys stay where
    they were. With a teacher too, ``surge_mmdet.DistilledDetector`` takes
    the same losses beside its own.

    Args:
        plain (str): Registered type of the detector, ``FasterRCNN``; or
            ``surge_mmdet.BinarizedDetector``.
        losses (sequence of dict): Such as
            ``dict(type='surge_mmdet.SparseObjectPrior')``.
        **model: All other keys of the detector's config.

    Raises:
        ValueError, TypeError: If a key is missing or wrong; the text shows
            the corrected line.
    """
    require_keys('DetectorWithLosses', model, ('plain', 'losses'))
    if not isinstance(plain, str) or not losses:
        raise TypeError(
            'DetectorWithLosses: plain must be the type that model had before, and losses name '
            f'at least one, got {plain!r} and {losses!r}. ' + LINE.format(plain or 'FasterRCNN')
        )
    detector = MMDET_MODELS.build(dict(type=plain, **model))
    built = build_losses('losses', losses, detector)
    taught = [type(each).__name__ for each in built.values() if each.needs_teacher]
    if taught:
        raise TypeError(
            f'DetectorWithLosses: {taught[0]} needs a teacher. Write '
            f"model=dict(type='surge_mmdet.DistilledDetector', student={plain!r}, "
            f"teacher=dict(config='CONFIG'), distillation=[dict(type='surge_mmdet.{taught[0]}')])."
        )
    return mixed_in(WithLosses, detector, built)


def mixed_in(mixin: type, detector: BaseDetector, losses: nn.ModuleDict) -> BaseDetector:
    """The same detector, of a class that is both its own and ``mixin``.

    Raises:
        TypeError: If it has further losses already, which would be lost.
    """
    if isinstance(detector, WithLosses):
        lost = ', '.join(type(each).__name__ for each in detector.extra_losses.values())
        raise TypeError(
            f'{mixin.__name__}: the detector inside has further losses already ({lost}), which '
            'would be lost. Write all losses in one list: model=dict(type='
            "'surge_mmdet.DistilledDetector', student='FasterRCNN', teacher=dict(config='CONFIG'), "
            'distillation=[...]), or without a teacher '
            "model=dict(type='surge_mmdet.DetectorWithLosses', plain='FasterRCNN', losses=[...])."
        )
    detector.__class__ = _mixed(mixin, type(detector))
    detector.extra_losses = losses
    detector._maps = None
    return detector


@lru_cache
def _mixed(mixin: type, kind: type) -> type:
    return type(f'{mixin.__name__}{kind.__name__}', (mixin, kind), {})


def unwrapped(model: dict, kind: str, inner: str, own: tuple = ()) -> dict:
    """The config of the detector inside a wrapper, as it is deployed.

    Args:
        model (dict): ``model`` of a config; one of another type comes back
            as it is.
        kind, inner (str): Type of the wrapper, and its key for the type that
            was there.
        own (tuple): Its other keys.

    Examples:
        >>> unwrapped(dict(type='surge_mmdet.W', plain='SSD', neck=None, losses=[]),
        ...           'W', 'plain', ('losses',))
        {'type': 'SSD', 'neck': None}
    """
    if str(model.get('type', '')).rpartition('.')[2] != kind:
        return model
    rest = {k: v for k, v in model.items() if k not in ('type', inner, *own)}
    return dict(type=model[inner], **rest)


def without_losses(model: dict) -> dict:
    """The config of the plain detector, as it is deployed."""
    return unwrapped(model, 'DetectorWithLosses', 'plain', ('losses',))
