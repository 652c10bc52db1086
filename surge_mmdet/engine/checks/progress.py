"""What changes over a training, binarizers and losses, needs somebody who tells the time."""

from collections.abc import Iterable

from torch import nn

from ..bare_model import bare_model


def scheduled_modules(model: nn.Module) -> dict:
    """The modules of ``model`` that follow the progress of a training.

    A module says so by a true attribute ``scheduled``, and takes the
    progress in [0, 1] by ``set_progress``.
    """
    return {name: each for name, each in model.named_modules() if getattr(each, 'scheduled', False)}


def check_progress(runner) -> None:
    """:func:`require_progress` of a training that is about to begin."""
    require_progress(bare_model(runner), runner.hooks)


def require_progress(model: nn.Module, hooks: Iterable) -> None:
    """Refuse scheduled binarizers and losses whose progress nobody sets.

    Args:
        model (nn.Module): What is trained.
        hooks (Iterable): Or their classes. One that sets the progress has a
            true attribute ``sets_progress``, as :class:`ProgressHook` does.

    Raises:
        ValueError: If there is no such hook; the text shows the line.
    """
    names = list(scheduled_modules(model))
    if not names or any(getattr(hook, 'sets_progress', False) for hook in hooks):
        return
    shown = ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')
    raise ValueError(
        f'{len(names)} modules change over the training ({shown}), and no hook tells them '
        "how far it is. Write default_hooks=dict(progress=dict(type='surge_mmdet.ProgressHook'))."
    )
