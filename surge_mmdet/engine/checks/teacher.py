"""A teacher that is missing or does not fit, and a student that it would harm."""

from ...distill import Distilled
from ...distill.fit import check_branch
from ..bare_model import bare_model

ALLOW = (
    "default_hooks=dict(config_check=dict(type='surge_mmdet.ConfigCheckHook', "
    'full_branch_beside_teacher=True))'
)


def check_teacher(runner, full_branch: bool = False) -> None:
    """Tell before the first step.

    Args:
        runner (Runner): Of a training; without a teacher nothing is checked.
        full_branch (bool): Whether SURGE may have branch and eta with which it
            was far behind a plain student.

    Raises:
        FileNotFoundError, ValueError: If the teacher cannot be loaded, does
            not fit the student, or the student trains with such a form of
            SURGE; the text shows the corrected line.
    """
    model = bare_model(runner)
    if not isinstance(model, Distilled):
        return
    if not full_branch:
        check_branch(model, ALLOW)
    model.teacher.load(model)
