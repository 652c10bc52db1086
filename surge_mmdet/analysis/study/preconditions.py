"""What can go wrong later is found before the first run: data, methods, teachers."""

import os.path as osp
from collections.abc import Callable, Mapping

import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from torch import nn

from ...datasets.inspection import where_to_look
from ...distill.fit import check_branch, check_student, warn_of_binary_layers
from ...distill.inherit import require_parts
from ..loading import build_model, pipeline_shape
from .plan import Plan
from .runs import first_run, sources

ALLOWED = 'full_branch_beside_teacher'  # of ConfigCheckHook


def require_data(cfg: Config, path: str) -> None:
    """Refuse a config whose annotations or images are not where it says.

    Args:
        cfg (Config): The plan's config.
        path (str): Its file.

    Raises:
        ValueError: The text shows the corrected line.
    """
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    for role in ('train', 'val'):
        inside = sources(cfg[f'{role}_dataloader'].dataset.to_dict())
        if all(source.get('indices') == 0 for source in inside):
            raise ValueError(
                f'{path}: {role}_dataloader: indices=0 leaves no image. Write indices=None for all '
                'of them, or a number from 1.'
            )
        for source in inside:
            dataset = DATASETS.build(dict(source, lazy_init=True))
            if dataset.ann_file and not osp.isfile(dataset.ann_file):
                raise ValueError(f'{path}: {where_to_look(dataset, cfg)}')
            for folder in dataset.data_prefix.values():
                if folder and not osp.isdir(folder):
                    raise ValueError(f'{path}: {role}: there is no folder {folder}.')
    file = cfg.val_evaluator.get('ann_file')
    if file and not osp.isfile(file):
        raise ValueError(
            f'{path}: val_evaluator: {file} does not exist. Write --cfg-options '
            'val_evaluator.ann_file=FILE'
        )


def require_teachers(plan: Plan, config_of: Callable) -> None:
    """Refuse a teacher whose maps or classes do not fit its student, or that harms it.

    Args:
        plan (Plan): The plan.
        config_of (Callable): :class:`Run` to config.

    Raises:
        ValueError: The text shows the corrected line.
    """
    pairs = {(method, change.teacher) for method, change in plan.changes.items() if change.teacher}
    for method, teacher in sorted(pairs):
        optimizer = next((name for name in plan.optimizers if plan.rates(name, method)), None)
        if optimizer is None:
            continue
        student_cfg, teacher_cfg = (
            config_of(first_run(plan, optimizer, label)) for label in (method, teacher)
        )
        student, taught_by = (
            build_model(cfg, f'method {label!r}')
            for cfg, label in ((student_cfg, method), (teacher_cfg, teacher))
        )
        who = f'method {method!r}, taught by {teacher!r}'
        changes = [plan.change(label).config for label in (method, teacher)]
        _compare(who, student, taught_by, student_cfg, _same_config(*changes))
        try:
            require_parts(student, taught_by, plan.change(method).inherit)
            _check_branch(student, student_cfg)
        except ValueError as error:
            raise ValueError(f'{who}: {error}') from error
        warn_of_binary_layers(taught_by, who)


def _check_branch(student: nn.Module, cfg: Config) -> None:
    """As the student's training will, hours later, when its teacher is trained."""
    for name, hook in (cfg.get('default_hooks') or {}).items():
        kind = str((hook or {}).get('type'))
        if kind.endswith('ConfigCheckHook') and not hook.get(ALLOWED):
            check_branch(student, f"config={{'default_hooks.{name}.{ALLOWED}': True}}")


def _same_config(own: Mapping, teacher: Mapping) -> str:
    """What to write where student and teacher change their config in different ways."""
    if own == teacher:
        return ''
    return (
        f' Their overrides differ: the method has config={dict(own)}, its teacher {dict(teacher)}.'
    )


def _compare(who: str, student: nn.Module, teacher: nn.Module, cfg: Config, overrides: str) -> None:
    try:
        check_student(student, teacher, 'it')
    except ValueError as error:
        raise ValueError(f'{who}: {error}{overrides}') from error
    ours, theirs = (_maps(detector, cfg) for detector in (student, teacher))
    if ours != theirs:
        raise ValueError(
            f"{who}: the teacher's maps (channels, height, width) are {theirs}, the student's "
            f'{ours}. Give both the same neck and strides.{overrides}'
        )


@torch.no_grad()
def _maps(detector: nn.Module, cfg: Config) -> list:
    """Shapes of the pyramid of a blank image of the size of the config."""
    height, width = pipeline_shape(cfg, 'the plan', 'config = one with a test pipeline')
    image = torch.zeros(1, 3, -(-height // 32) * 32, -(-width // 32) * 32)
    return [tuple(each.shape[1:]) for each in detector.eval().extract_feat(image)]
