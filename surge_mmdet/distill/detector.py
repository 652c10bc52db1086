"""Any detector as the student of a real one, by its ``type`` in the config."""

from collections.abc import Sequence
from typing import Optional

from mmdet.models.detectors.base import BaseDetector
from mmdet.registry import MODELS as MMDET_MODELS
from torch import Tensor

from ..losses import Context, View, WithLosses, build_losses, mixed_in, unwrapped
from ..losses.build import require_keys
from ..registry import MODELS
from .teacher import Teacher

LINE = (
    "Write model=dict(type='surge_mmdet.DistilledDetector', student={!r}, "
    "teacher=dict(config='CONFIG', checkpoint='CHECKPOINT'), "
    "distillation=[dict(type='surge_mmdet.PKD', weight=6.0)])."
)


class Distilled(WithLosses):
    """Mixed into the student's class: adds the distillation losses to its own.

    Attributes:
        teacher (Teacher): Not a submodule.
    """

    teacher: Teacher

    def init_weights(self) -> None:
        """The student's start, which may be its teacher's weights."""
        super().init_weights()
        self.teacher.pass_on(self)

    def context(self, view: View, images: Tensor, samples: Sequence) -> Context:
        """What the losses are given: the teacher's view too."""
        context = super().context(view, images, samples)
        context.teacher = self.teacher.view(self, images)
        if any(loss.needs_teacher and loss.watches(self) for loss in self.extra_losses.values()):
            context.teacher.dense_outputs()  # here, where autocast is as in the forward
        return context


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
            ``dict(type='surge_mmdet.PKD', weight=6.0)``. Those that need no
            teacher may stand among them.
        **model: All other keys of the student's config.

    Raises:
        ValueError, TypeError: If a key is missing or wrong; the text shows
            the corrected line.
    """
    require_keys('DistilledDetector', model, ('student', 'teacher', 'distillation'))
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
    teaching = Teacher.of(teacher)
    detector = MMDET_MODELS.build(dict(type=student, **model))
    losses = build_losses('distillation', distillation, detector)
    if not any(loss.needs_teacher for loss in losses.values()):
        raise TypeError(
            f'distillation: none of {[each["type"] for each in distillation]} learns from the '
            f'teacher. {LINE.format(student)} Without a teacher write '
            f"model=dict(type='surge_mmdet.DetectorWithLosses', plain={student!r}, losses=[...])."
        )
    detector = mixed_in(Distilled, detector, losses)
    detector.teacher = teaching
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
    return unwrapped(model, 'DistilledDetector', 'student', ('teacher', 'distillation'))
