"""The config of each run of a study, and whether a study can train it."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Optional

from mmengine.config import Config
from mmengine.registry import HOOKS
from torch import nn

from ....engine.checks.optimizer import require_optimizer
from ....engine.checks.progress import require_progress
from ....losses import without_losses
from ....methods import has_surge
from ....overrides import merge_options
from ...loading import build_model, load_config
from ..plan import Change, Plan, build_method_losses
from .held_out import tune_within_training
from .run import Run, first_run

# In the folder of each run. MMEngine writes what it made of it into the folder
# itself, under the same name.
CONFIG = 'planned/run.py'
PACKED_VAL = 'packed_val'  # the key of the hook that packs and validates


def run_config(
    plan: Plan, run: Run, options: dict, teacher: Optional[Path] = None, packed: bool = True
) -> Config:
    """The config of one run.

    Args:
        plan (Plan): The plan.
        run (Run): One of its runs.
        options (dict): Overrides for every run, as ``--cfg-options``.
        teacher (Path | None): Folder of the teacher's run; None leaves the
            method without its teacher.
        packed (bool): Whether a compared binary run ends with the validation of
            its packed detector.
    """
    cfg = load_config(plan.config)
    policy = plan.methods[run.method]
    for module in plan.modules:
        cfg.model[module].policy = policy
    if not has_surge(None if policy is None else policy.get('layer') or {}):
        cfg.default_hooks.ags = dict(type='surge_mmdet.NonFiniteStepHook')
    cfg.optim_wrapper.optimizer = dict(plan.optimizers[run.optimizer]['optimizer'], lr=run.lr)
    cfg.randomness = dict(seed=run.seed)
    if packed and policy is not None and run.seed != plan.tune_seed:
        cfg.default_hooks[PACKED_VAL] = dict(type='surge_mmdet.PackedValHook')
    change = plan.change(run.method)
    merge_options(cfg, change.config, f'{run.method}: config')
    merge_options(cfg, options)
    if run.seed == plan.tune_seed:
        tune_within_training(cfg, plan.tune_share)
    if change.teacher is not None and teacher is not None:
        cfg.model = taught(cfg.model, change, teacher)
    elif change.losses:
        cfg.model = with_losses(cfg.model, change.losses)
    return cfg


def with_losses(model: dict, losses: Sequence) -> dict:
    """The model with losses beside those that its config has already."""
    plain, own = _apart(model)
    return dict(
        plain,
        type='surge_mmdet.DetectorWithLosses',
        plain=plain['type'],
        losses=[*own, *losses],
    )


def taught(model: dict, change: Change, teacher: Path) -> dict:
    """The model as a student of the run in a folder; all its losses are in one list."""
    plain, own = _apart(model)
    source = dict(config=str(teacher / CONFIG), checkpoint=str(teacher))
    if change.inherit:
        source['inherit'] = list(change.inherit)
    return dict(
        plain,
        type='surge_mmdet.DistilledDetector',
        student=plain['type'],
        teacher=source,
        distillation=[*change.distillation, *own, *change.losses],
    )


def _apart(model: dict) -> tuple:
    """The model without losses beside the detector's own, and these."""
    plain = without_losses(model)
    return plain, [] if plain is model else model['losses']


def require_trainable(plan: Plan, cfg: Config) -> None:
    """Refuse a config that a study cannot read the results of.

    Args:
        plan (Plan): The plan.
        cfg (Config): The plan's config.

    Raises:
        ValueError: The text shows the corrected line.
    """
    metric = cfg.val_evaluator.get('type')
    if metric != 'CocoMetric':
        raise ValueError(
            f"{plan.config}: a study reads CocoMetric's AP, this has {metric}."
            ' Write in a child config val_evaluator=dict(_delete_=True, '
            "type='CocoMetric', metric='bbox'), as "
            '_base_/datasets/voc_layout_320x240.py does.'
        )
    epochs, interval = cfg.train_cfg.max_epochs, cfg.train_cfg.val_interval
    if epochs % interval:
        raise ValueError(
            f'{plan.config}: epoch {epochs} would not be '
            f'validated. Write train_cfg=dict(val_interval={epochs}) there, or --cfg-options '
            f'train_cfg.val_interval={epochs}'
        )
    if cfg.model.get('teacher'):
        raise ValueError(
            f'{plan.config} has a teacher, so that every method would be taught, FP32 too. '
            f'Write config = {_untaught(plan.config)!r}, and the teacher of a method in the plan.'
        )
    parts = [
        name for name, part in cfg.model.items() if isinstance(part, dict) and 'policy' in part
    ]
    if sorted(parts) != sorted(plan.modules):
        raise ValueError(
            f'{plan.config} has a policy in {parts}, modules names '
            f'{list(plan.modules)}; a method sets all of them. Write modules={tuple(parts)}.'
        )


def _untaught(config: str) -> str:
    """The STE twin of a student's config, by its file name."""
    twin = re.sub(r'_(recipe|[a-z]+-pkd)(?=[-_])', '_ste', Path(config).name)
    file = Path(config).with_name(twin)
    return str(file) if file != Path(config) and file.exists() else 'the config of its student'


def _require_progress(model: nn.Module, cfg: Config, method: str) -> None:
    """Refuse a scheduled loss or binarizer that the config's hooks do not tell the time."""
    given = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    try:
        require_progress(model, [HOOKS.get(hook['type']) for hook in given if hook])
    except ValueError as error:
        raise ValueError(f'method {method!r}: {error}') from error


def build_each(plan: Plan, config_of: Callable) -> None:
    """Build each method and its optimizer once: a mistake in the last one is
    to be known before the first trains.

    Args:
        plan (Plan): The plan.
        config_of (Callable): :class:`Run` to config.

    Raises:
        ValueError: What cannot be built, and why.
    """
    from mmengine.optim import build_optim_wrapper

    for optimizer in plan.optimizers:
        for method in plan.methods:
            if not plan.rates(optimizer, method):
                continue
            cfg = config_of(first_run(plan, optimizer, method))
            build_method_losses(method, plan.change(method).losses)
            model = build_model(cfg, f'method {method!r}')
            _require_progress(model, cfg, method)
            require_optimizer(f'optimizers[{optimizer!r}]', cfg.optim_wrapper.optimizer)
            try:
                build_optim_wrapper(model, cfg.optim_wrapper)
            except (KeyError, TypeError, ValueError) as error:
                kind = cfg.optim_wrapper.optimizer.type
                raise ValueError(
                    f'method {method!r} under {kind} cannot be built: {error}'
                ) from error
