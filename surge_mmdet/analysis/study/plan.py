"""The plan of a study: what it must say, checked before the first training."""

from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config

from .study import Run, rates

NEEDED = dict(
    config="config = 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'",
    modules="modules = ('backbone', 'neck', 'rpn_head')",
    contestants="contestants = {'STE': dict(layer=dict(surge=None)), "
    "'SURGE': dict(layer=dict(surge=dict(eta=0.3)))}",
    baseline="baseline = 'STE'",
    tune_seed='tune_seed = 0',
    seeds='seeds = (1, 2, 3)',
    optimizers="optimizers = {'AdamW': dict(optimizer=dict(type='AdamW'), lrs=(1e-3, 3e-3))}",
)


def load_plan(path: str, root: Path) -> Config:
    """A plan from a file, checked; its ``config`` as an absolute path.

    Args:
        path (str): The plan.
        root (Path): What a relative ``config`` is relative to.

    Raises:
        ValueError: The text shows the corrected line.
    """
    if not Path(path).is_file():
        raise ValueError(
            f'{path} is no file. Write run_study.py configs/ablation/plan_bccd.py --work-dir DIR'
        )
    plan = Config.fromfile(path)
    lost = [line for key, line in NEEDED.items() if key not in plan]
    if lost:
        raise ValueError(f'{path} lacks these lines:\n' + '\n'.join(lost))
    plan.config = str(root / plan.config)
    if not Path(plan.config).is_file():
        raise ValueError(
            f'{path}: config={plan.config!r} is no file. Write '
            'a path from the root of the repository, or an '
            'absolute one.'
        )
    for check in (_check_names, _check_seeds, _check_rates):
        check(plan)
    return plan


def _check_names(plan) -> None:
    names = list(plan.contestants)
    if plan.baseline not in names:
        raise ValueError(
            f'baseline={plan.baseline!r} is no contestant. Write '
            f'baseline={_nearest(plan.baseline, names)!r}.'
        )
    folders = {}
    for name in names:
        folder = Run('', name, 0, 0).name
        if '/' in name or folder in folders:
            raise ValueError(
                f'contestant {name!r} has no folder of its own '
                f'(it is that of {folders.get(folder)!r}, or '
                'holds a slash). Give it another name.'
            )
        folders[folder] = name


def _check_seeds(plan) -> None:
    if isinstance(plan.seeds, int):
        raise ValueError(f'seeds={plan.seeds}: write seeds=({plan.seeds}, ).')
    if plan.tune_seed in plan.seeds:
        rest = tuple(s for s in plan.seeds if s != plan.tune_seed)
        raise ValueError(
            f'seeds contain tune_seed={plan.tune_seed}, on which the rates '
            f'are chosen. Write seeds={rest}.'
        )


def _check_rates(plan) -> None:
    for name, setting in plan.optimizers.items():
        if 'optimizer' not in setting or 'lrs' not in setting:
            raise ValueError(
                f'optimizers[{name!r}] needs optimizer and lrs. Write {NEEDED["optimizers"]}'
            )
        own = setting.get('own', {})
        for who in own:
            if who not in plan.contestants:
                near = _nearest(who, list(plan.contestants))
                raise ValueError(
                    f'optimizers[{name!r}].own: {who!r} is no '
                    f'contestant. Write own={{{near!r}: '
                    f'{own[who]}}}.'
                )
        for lrs in (setting['lrs'], *own.values()):
            if not isinstance(lrs, (list, tuple)):
                raise ValueError(
                    f'optimizers[{name!r}]: learning rates {lrs!r}. Write ({lrs!r}, ).'
                )
        if not rates(plan, name, plan.baseline):
            raise ValueError(
                f'optimizers[{name!r}].own leaves the baseline '
                f'{plan.baseline!r} out, so nothing could be compared. Write '
                f'own={{{plan.baseline!r}: {tuple(setting["lrs"])}}}.'
            )


def _nearest(word: str, names: list) -> str:
    return (get_close_matches(word, names, 1, 0) or names)[0]


def check_config(plan, cfg) -> None:
    """Whether a study can train ``cfg``, the plan's config.

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
            'validated. Write train_cfg=dict(val_interval='
            f'{epochs}).'
        )
    parts = [
        name for name, part in cfg.model.items() if isinstance(part, dict) and 'policy' in part
    ]
    if sorted(parts) != sorted(plan.modules):
        raise ValueError(
            f'{plan.config} has a policy in {parts}, modules names '
            f'{list(plan.modules)}; a contestant sets all of them. Write '
            f'modules={tuple(parts)}.'
        )


def check_contestants(plan, config_of) -> None:
    """Build each contestant and its optimiser once: a mistake in the last
    one is to be known before the first trains.

    Args:
        plan: The plan.
        config_of (Callable): :class:`Run` to config.

    Raises:
        ValueError: What cannot be built, and why.
    """
    from mmdet.registry import MODELS
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import init_default_scope

    init_default_scope('mmdet')
    for optimizer in plan.optimizers:
        for name in plan.contestants:
            for lr in rates(plan, optimizer, name)[:1]:
                cfg = config_of(Run(optimizer, name, lr, plan.tune_seed))
                try:
                    build_optim_wrapper(MODELS.build(cfg.model), cfg.optim_wrapper)
                except (KeyError, TypeError, ValueError) as error:
                    kind = cfg.optim_wrapper.optimizer.type
                    raise ValueError(
                        f'contestant {name!r} under {kind} cannot be built: {error}'
                    ) from error
