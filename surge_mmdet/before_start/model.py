"""Heads, optimizer and teacher of a training, without the training."""

from mmengine.config import Config

from ..analysis.loading import build_model
from ..distill import Teacher
from ..engine.checks.classes import configured_classes
from ..engine.checks.heads import check_configured_heads
from ..engine.checks.optimizer import require_optimizer


def require_heads(cfg: Config, role: str) -> None:
    """Refuse heads of other classes than the data's, as the training's own check does.

    Args:
        cfg (Config): The config; one without ``ConfigCheckHook`` wants other classes.
        role (str): 'train' or 'test'.

    Raises:
        ValueError: The text shows the corrected option.
    """
    loader = cfg.get(f'{role}_dataloader')
    hooks = [cfg.get('default_hooks'), cfg.get('custom_hooks')]
    if isinstance(loader, dict) and 'ConfigCheckHook' in str(hooks):
        classes = configured_classes(loader.get('dataset'))
        if classes:
            check_configured_heads(cfg.get('model'), classes)


def require_optimizer_of(cfg: Config) -> None:
    """Refuse an optimizer that does not exist, or without an option that it is given.

    Raises:
        ValueError: The text shows the corrected line.
    """
    given = (cfg.get('optim_wrapper') or {}).get('optimizer')
    if isinstance(given, dict) and 'type' in given:
        require_optimizer('optim_wrapper', given)


def require_teacher(cfg: Config, config: str) -> None:
    """Refuse a teacher that is not there, before the training's long log.

    One that could not teach this student is told of first: nobody trains it in vain.
    Whether one that is there fits, the training itself says before its first step.

    Args:
        cfg (Config): The student's.
        config (str): Its file.

    Raises:
        TypeError, ValueError, OSError: As :meth:`surge_mmdet.distill.Teacher.load`.
    """
    model = cfg.get('model') or {}
    kind = model.get('type')
    name = kind.__name__ if isinstance(kind, type) else str(kind).rpartition('.')[2]
    given = model.get('teacher')
    if name != 'DistilledDetector' or not isinstance(given, dict):
        return  # another package's teacher, or one that building the detector refuses
    teacher = Teacher.of(given)
    if not teacher.has_checkpoint():
        teacher.load(build_model(cfg, config))
