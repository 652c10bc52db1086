"""A teacher that is missing or does not fit, and a student that it would harm."""

from typing import Optional

from ...distill import Distilled
from ...distill.fit import check_branch
from ...text import counted
from ..bare_model import bare_model

ALLOW = (
    "default_hooks=dict(config_check=dict(type='surge_mmdet.ConfigCheckHook', "
    'full_branch_beside_teacher=True))'
)


def check_teacher(runner, full_branch: bool = False) -> None:
    """Tell before the first step, and warn of a teacher of fewer epochs than the student.

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
    if not model.teacher.unfinished:  # which is told already
        _warn_of_few_epochs(runner, model.teacher.epochs)


def tell_of_resume(runner) -> None:
    """Say that a resumed student is not the one that its start has told of.

    Args:
        runner (Runner): Of a training that is resumed.
    """
    model = bare_model(runner)
    if isinstance(model, Distilled) and model.teacher.inherit:
        runner.logger.info('teacher: the checkpoint takes the place of what was inherited.')


def _warn_of_few_epochs(runner, trained: Optional[int]) -> None:
    own = runner.train_loop.max_epochs
    if trained and trained < own:
        runner.logger.warning(
            f'teacher: it was trained for {counted(trained, "epoch")}, and its student trains '
            f'for {own}. A student soon passes such a teacher. Train it with --cfg-options '
            f'train_cfg.max_epochs={own} too.'
        )
