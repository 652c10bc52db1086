"""Any detector as the student of a real one, by its ``type`` in the config."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Optional

from mmdet.models.detectors.base import BaseDetector
from mmdet.registry import MODELS as MMDET_MODELS
from torch import Tensor, nn

from ..registry import MODELS
from .losses import FeatureLoss
from .teacher import Teacher

OWN = ('teacher', 'distillation')  # keys that only training reads
LINE = (
    "Write model=dict(type='surge_mmdet.DistilledDetector', student={!r}, "
    "teacher=dict(config='CONFIG', checkpoint='CHECKPOINT'), "
    "distillation=[dict(type='surge_mmdet.PKD', weight=6.0)])."
)


class Distilled:
    """Mixed into the student's class: adds the distillation losses to its own.

    Attributes:
        teacher (Teacher): Not a submodule.
        distillation (nn.ModuleDict): Losses by name; their parameters, if they
            have any, are trained and saved, and not needed to detect.
    """

    teacher: Teacher
    distillation: nn.ModuleDict

    def extract_feat(self, batch_inputs: Tensor) -> tuple:
        """The student's maps; the last ones are kept for the loss."""
        maps = super().extract_feat(batch_inputs)
        self._maps = maps if self.training else None
        return maps

    def loss(self, batch_inputs: Tensor, batch_data_samples: Sequence) -> dict:
        """The detector's own losses, and ``loss_NAME`` of each distillation."""
        losses = super().loss(batch_inputs, batch_data_samples)
        student, self._maps = self._maps, None
        teacher = self.teacher.features(self, batch_inputs)
        for name, loss in self.distillation.items():
            losses[f'loss_{name}'] = loss(student, teacher, batch_data_samples)
        return losses


@MODELS.register_module(name='DistilledDetector')
def distilled_detector(
    student: Optional[str] = None,
    teacher: Optional[dict] = None,
    distillation: Sequence = (),
    **model,
) -> BaseDetector:
    """Build a detector whose training adds losses towards a frozen teacher.

    In a config, ``type`` becomes ``surge_mmdet.DistilledDetector`` and
    ``student`` takes over the type that was there; all other keys stay where
    they were. What is returned is the student: of its class, with its
    parameters' names, so that checkpoints of the plain config load here and
    those of this one there.

    Args:
        student (str): Registered type of the student, ``FasterRCNN``; or
            ``surge_mmdet.BinarizedDetector``.
        teacher (dict): Arguments of :class:`Teacher`.
        distillation (sequence of dict): Losses, such as
            ``dict(type='surge_mmdet.PKD', weight=6.0)``.
        **model: All other keys of the student's config.

    Raises:
        ValueError, TypeError: If a key is missing or wrong; the text shows
            the corrected line.
    """
    if not isinstance(student, str):
        raise TypeError(
            'DistilledDetector: student must be the type that model had before, got '
            f'{student!r}. ' + LINE.format('FasterRCNN')
        )
    if not isinstance(teacher, dict) or not distillation:
        raise TypeError(
            'DistilledDetector: a teacher and at least one distillation are needed. '
            + LINE.format(student)
        )
    detector = MMDET_MODELS.build(dict(type=student, **model))
    losses = nn.ModuleDict()
    for cfg in distillation:
        loss = MODELS.build(cfg)
        if not isinstance(loss, FeatureLoss):
            raise TypeError(
                f'distillation: {cfg!r} is no loss of features. ' + LINE.format(student)
            )
        losses[_name(loss, losses)] = loss
    detector.__class__ = _distilled(type(detector))
    detector.teacher = Teacher(**teacher)
    detector.distillation = losses
    return detector


def undistilled(model: dict) -> dict:
    """The config of the student alone, as it is deployed.

    Args:
        model (dict): ``model`` of a config; one without a teacher comes back
            as it is.

    Examples:
        >>> undistilled(dict(type='surge_mmdet.DistilledDetector', student='SSD', neck=None))
        {'type': 'SSD', 'neck': None}
    """
    if not str(model.get('type', '')).endswith('DistilledDetector'):
        return model
    rest = {k: v for k, v in model.items() if k not in ('type', 'student', *OWN)}
    return dict(type=model['student'], **rest)


@lru_cache
def _distilled(kind: type) -> type:
    return type(f'Distilled{kind.__name__}', (Distilled, kind), {})


def _name(loss: nn.Module, taken) -> str:
    name = type(loss).__name__.lower()
    return name if name not in taken else f'{name}{len(taken)}'
