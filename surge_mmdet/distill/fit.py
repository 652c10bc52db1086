"""Whether a teacher can teach a student, told before the first step."""

import logging
from dataclasses import replace
from typing import Optional

from mmengine.logging import print_log
from torch import Tensor, nn

from ..layers import BinaryLayer
from ..losses import levels_of
from ..registry import SCOPE
from ..surge import SurgeConfig
from .losses import FeatureLoss

PAGE = 'docs/results/surge_and_distillation.md'
FALL_BEHIND = ('full', 'pointwise', 'lowrank')  # with an eta of 0.3
HARMLESS = 0.1  # an eta with which the full branch could not be told from none


def check_branch(student: nn.Module, allow: str) -> None:
    """Refuse forms of SURGE with which the student of a teacher fell far behind.

    Args:
        student (nn.Module): Of any teacher.
        allow (str): The line that lets it be trained all the same, for the error.

    Raises:
        ValueError: The text shows both lines.
    """
    layers = [each for each in student.modules() if isinstance(each, BinaryLayer)]
    strong = [each.surge for each in layers if each.compensated and _harms(each.surge)]
    if strong:
        given = strong[0]
        raise ValueError(
            f"{len(strong)} layers train with an eta of {given.eta:g} and SURGE's "
            f'{given.branch} branch beside a teacher, which is below the same student without '
            f'SURGE ({PAGE}). Write {_line(replace(given, eta=HARMLESS))}, or '
            f'surge=None, or, to train it all the same, {allow}.'
        )


def _line(surge: SurgeConfig) -> str:
    """Options as a config has them: eta, and what is not at its default."""
    plain = SurgeConfig()
    options = {k: v for k, v in vars(surge).items() if k == 'eta' or v != getattr(plain, k)}
    return f'surge=dict({", ".join(f"{key}={value!r}" for key, value in options.items())})'


def _harms(surge: SurgeConfig) -> bool:
    return surge.branch in FALL_BEHIND and surge.eta > HARMLESS


def check_student(student: nn.Module, teacher: nn.Module, file: str) -> None:
    """Compare what both must share: classes, input, and the maps that losses read.

    Raises:
        ValueError: The text says what would fit.
    """
    _check_classes(student, teacher, file)
    _check_preprocessing(student, teacher)
    ours, theirs = _levels(student), _levels(teacher)
    for loss in getattr(student, 'extra_losses', {}).values():
        if isinstance(loss, FeatureLoss) and ours and theirs:
            loss.check_levels(ours, theirs)


def check_binary_layers(teacher: nn.Module, content: dict, file: str) -> None:
    """Refuse latent weights in real layers, and warn of a binary teacher.

    A binary detector and its float twin have parameters of the same names,
    so that the weights of one load into the other.

    Raises:
        ValueError: If layers were binary when the checkpoint was trained and
            are real in the teacher's config, or the reverse.
    """
    binary = {name for name, each in teacher.named_modules() if isinstance(each, BinaryLayer)}
    record = content.get('meta', {}).get(SCOPE)  # what CheckpointReportHook writes
    trained = None if record is None else set(record['methods'])
    if trained is not None and trained != binary:
        raise ValueError(
            f'teacher: {len(trained)} layers of {file} were trained as binary ones, and '
            f"{len(binary)} are binary in the teacher's config: the weights mean another thing. "
            'Name the config and the checkpoint of one training, such as the fp32 config of the '
            "same name: teacher=dict(config='..._fp32_....py')."
        )
    warn_of_binary_layers(teacher, 'teacher')


def warn_of_binary_layers(teacher: nn.Module, who: str) -> None:
    """Say that a teacher is binary, which a real one is better than.

    Args:
        teacher (nn.Module): Any.
        who (str): What it is called.
    """
    count = sum(isinstance(each, BinaryLayer) for each in teacher.modules())
    if count:
        print_log(
            f'{who}: {count} of its layers are binary. A real teacher has more to teach: '
            "teacher=dict(config='..._fp32_....py'), in a plan teacher='fp32'.",
            'current',
            logging.WARNING,
        )


def _check_classes(student: nn.Module, teacher: nn.Module, file: str) -> None:
    ours, theirs = _num_classes(student), _num_classes(teacher)
    if ours != theirs:
        raise ValueError(
            f'teacher: {file} knows {theirs} classes, the student {ours}. Take a teacher that '
            "was trained on the student's data: teacher=dict(config='..._fp32_....py')."
        )


def _num_classes(detector: nn.Module) -> Optional[int]:
    counts = [getattr(module, 'num_classes', None) for module in detector.modules()]
    return max((count for count in counts if isinstance(count, int)), default=None)


def _check_preprocessing(student: nn.Module, teacher: nn.Module) -> None:
    """The student's images are shown to the teacher: both must expect the same."""
    ours, theirs = (_preprocessing(detector) for detector in (student, teacher))
    if ours != theirs:
        raise ValueError(
            f"teacher: its data_preprocessor has {theirs}, the student's {ours}. Write the same "
            'data_preprocessor=dict(...) in both configs.'
        )


def _preprocessing(detector: nn.Module) -> dict:
    part = detector.data_preprocessor
    found = {}
    for key in ('mean', 'std'):
        value = getattr(part, key, None)
        found[key] = value.flatten().tolist() if isinstance(value, Tensor) else value
    return {**found, 'bgr_to_rgb': getattr(part, '_channel_conversion', False)}


def _levels(detector: nn.Module) -> Optional[list]:
    try:
        return levels_of(detector)
    except ValueError:
        return None  # a head that does not tell: maps are compared in the first step
