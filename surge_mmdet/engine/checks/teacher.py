"""A teacher that is missing or does not fit, and a student that it would harm."""

from ...distill import Distilled
from ..bare_model import bare_model
from ..layer_access import binary_layers

PAGE = 'docs/results/surge_and_distillation.md'


def check_teacher(runner, full_branch: bool = False) -> None:
    """Tell before the first step.

    Args:
        runner (Runner): Of a training; without a teacher nothing is checked.
        full_branch (bool): Whether SURGE may have its full branch beside the
            teacher, with which it was far behind a plain student.

    Raises:
        FileNotFoundError, ValueError: If the teacher cannot be loaded, does
            not fit the student, or the student has a full branch; the text
            shows the corrected line.
    """
    model = bare_model(runner)
    if not isinstance(model, Distilled):
        return
    layers = binary_layers(model).values()
    full = [layer for layer in layers if layer.compensated and layer.surge.branch == 'full']
    if full and not full_branch:
        raise ValueError(
            f'{len(full)} layers train with the full branch of SURGE beside a teacher: W_a '
            f'becomes a low-pass filter, and AP falls below that of a plain student ({PAGE}). '
            f"Write surge=dict(eta={full[0].surge.eta}, branch='tied'), or, to train it all the "
            "same, default_hooks=dict(config_check=dict(type='surge_mmdet.ConfigCheckHook', "
            'full_branch_beside_teacher=True)).'
        )
    model.teacher.load(model)
