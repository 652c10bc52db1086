"""Reading the file of a plan: what it must say, checked before the first training."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Optional

from ...errors import nearest
from ...methods import find_method
from ..loading import load_config
from .changes import Change, read_entry
from .plan import Plan, folder_word

EXAMPLE = 'tools/benchmark/plans/bccd.py'
MOVED = {'configs/ablation/plan_bccd.py': EXAMPLE}
NEEDED = dict(
    config="config = 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'",
    modules="modules = ('backbone', 'neck', 'rpn_head')",
    methods="methods = ['ste', 'surge', {'eta 1': dict(layer=dict(surge=dict(eta=1.0)))}]",
    baseline="baseline = 'ste'",
    tune_seed='tune_seed = 0',
    seeds='seeds = (1, 2, 3)',
    optimizers="optimizers = {'AdamW': dict(optimizer=dict(type='AdamW'), lrs=(1e-3, 3e-3))}",
)


def load_plan(path: str, root: Path) -> Plan:
    """The plan of a file with a single ``config``; see :func:`load_plans`."""
    plans = load_plans(path, root)
    if len(plans) > 1:
        raise ValueError(f'{path} has {len(plans)} data sets. Write a plan with a single config.')
    return plans[0]


def load_plans(path: str, root: Path) -> list:
    """The plans of a file, one per data set, checked.

    Args:
        path (str): The file.
        root (Path): What a relative config is relative to.

    Returns:
        list[Plan]: That differ in config and data set only.

    Raises:
        ValueError: The text shows the corrected line.
    """
    found = load_config(_existing(path, root))
    if 'contestants' in found:  # the word of release 0.2
        if 'methods' in found:
            raise ValueError(f'{path}: methods and contestants are one list. Write methods alone.')
        found.methods = found.contestants
    configs = _configs(path, found)
    lost = [line for key, line in NEEDED.items() if key not in {*found, 'config'}]
    if lost:
        raise ValueError(f'{path} lacks these lines:\n' + '\n'.join(lost))
    methods, changes = read_methods(found.methods)
    plan = Plan(
        config='',
        modules=tuple(found.modules),
        methods=methods,
        baseline=_label(found.baseline, methods, 'baseline={!r}', 'baseline={!r}'),
        tune_seed=found.tune_seed,
        seeds=_seeds(found),
        optimizers={
            name: _optimizer(name, dict(s), methods) for name, s in found.optimizers.items()
        },
        changes=_with_teachers(changes, methods),
        tune_share=_share(found),
        more_seeds=_more_seeds(found, methods),
    )
    _check_baseline(plan)
    _check_teachers(plan)
    return [
        replace(plan, dataset=name, config=_config_file(path, root, config))
        for name, config in configs.items()
    ]


def _configs(path: str, found) -> dict:
    """Name of the data to config; a single config has no name."""
    if ('config' in found) == ('configs' in found):
        raise ValueError(
            f'{path} needs either config or configs. Write\n{NEEDED["config"]}\n'
            "or, for several data sets, configs = {'BCCD': 'configs/...', 'COCO': 'configs/...'}"
        )
    if 'config' in found:
        return {'': found.config}
    if not isinstance(found.configs, dict) or not found.configs:
        raise ValueError(
            f'{path}: configs={found.configs!r}. Write '
            "configs = {'BCCD': 'configs/...', 'COCO': 'configs/...'}"
        )
    for name in found.configs:
        if not name or folder_word(name) != name or '/' in name:
            right = folder_word(name).replace('/', '-') or 'BCCD'
            raise ValueError(f'{path}: configs: {name!r} is no folder name. Write {right!r}.')
    return dict(found.configs)


def _config_file(path: str, root: Path, config: str) -> str:
    if not (root / config).is_file():
        raise ValueError(
            f'{path}: config={str(root / config)!r} is no file. Write a path from the root of the '
            f'repository, or an absolute one, such as {NEEDED["config"]}'
        )
    return str(root / config)


def _existing(path: str, root: Path) -> str:
    if Path(path).is_file() and Path(path).suffix == '.py':
        return path
    for old, new in MOVED.items():
        if Path(path).as_posix().endswith(old):
            print(f'{path} has moved to {new}, which is read instead.', file=sys.stderr)
            return str(root / new)
    raise ValueError(f'{path} is no plan. Write compare_methods.py {EXAMPLE} --work-dir DIR')


def read_methods(listed) -> tuple:
    """Label to policy and label to :class:`Change`, in the order of a plan's ``methods``.

    Args:
        listed (list | dict): Names of the list in ``surge_mmdet/methods.py``,
            and dicts of a plan's own methods: label to policy, or to what
            :func:`read_entry` takes.

    Raises:
        ValueError: For an unknown name, a label that comes twice, or labels
            that would share a folder.

    Examples:
        >>> read_methods(['ste', {'eta 1': dict(layer=dict(surge=dict(eta=1.0)))}])[0]
        {'STE': {'layer': {'surge': None}}, 'eta 1': {'layer': {'surge': {'eta': 1.0}}}}
    """
    if isinstance(listed, str):
        raise ValueError(f'methods={listed!r}: write methods=({listed!r}, ).')
    found, changes, folders = {}, {}, {}
    for entry in [listed] if isinstance(listed, dict) else listed:
        for label, given in _entry(entry).items():
            folder = folder_word(label)
            if '/' in label or folder in folders:
                other = f'{label.replace("/", "-")} 2'
                raise ValueError(
                    f'method {label!r} has no folder of its own (it is that of '
                    f'{folders.get(folder)!r}, or holds a slash). Write {{{other!r}: {given}}}.'
                )
            found[label], changes[label] = read_entry(label, given)
            folders[folder] = label
    return found, changes


def _entry(entry) -> dict:
    if isinstance(entry, dict):
        return entry
    method = find_method(entry)
    return {method.label: method.policy()}


def _label(word: str, methods: dict, what: str, line: str) -> str:
    """The label that a word of the plan means, a label or a name."""
    if word in methods:
        return word
    try:
        label: Optional[str] = find_method(word).label
    except ValueError:
        label = None
    if label not in methods:
        raise ValueError(
            f'{what.format(word)} is no method of the plan. '
            f'Write {line.format(nearest(word, methods, 0))}.'
        )
    return label


def _with_teachers(changes: dict, methods: dict) -> dict:
    """The changes with labels for teachers; those that change nothing are left out."""
    found = {}
    for label, change in changes.items():
        if change.teacher is not None:
            line = 'teacher={!r}'
            teacher = _label(change.teacher, methods, f'method {label!r}: {line}', line)
            if changes[teacher].teacher is not None:
                raise ValueError(
                    f'method {label!r}: its teacher {teacher!r} has a teacher itself. '
                    "Write teacher='fp32'."
                )
            change = replace(change, teacher=teacher)
        if change != Change():
            found[label] = change
    return found


def _seeds(found) -> tuple:
    if isinstance(found.seeds, int):
        raise ValueError(f'seeds={found.seeds}: write seeds=({found.seeds}, ).')
    if found.tune_seed in found.seeds:
        rest = tuple(s for s in found.seeds if s != found.tune_seed)
        raise ValueError(
            f'seeds contain tune_seed={found.tune_seed}, on which the rates '
            f'are chosen. Write seeds={rest}.'
        )
    return tuple(found.seeds)


def _more_seeds(found, methods: dict) -> dict:
    """Label to further seeds; none of ``seeds`` or the tuning seed."""
    more = {}
    for word, given in dict(found.get('more_seeds', {})).items():
        label = _label(word, methods, 'more_seeds: {!r}', f'more_seeds = {{{{{{!r}}: {given}}}}}')
        seeds = given if isinstance(given, (list, tuple)) else (given,)
        kept = tuple(s for s in dict.fromkeys(seeds) if s not in (found.tune_seed, *found.seeds))
        if seeds is not given or tuple(seeds) != kept:
            raise ValueError(
                f'more_seeds: {label!r} has {given!r}, which must be a tuple of seeds that are '
                f'neither in seeds nor tune_seed. Write more_seeds = {{{label!r}: {kept}}}.'
            )
        more[label] = kept
    return more


def _share(found) -> float:
    share = found.get('tune_share', 0.8)
    if not isinstance(share, float) or not 0 < share < 1:
        raise ValueError(
            f'tune_share={share!r} is no share of the training images. Write tune_share = 0.8.'
        )
    return share


def _optimizer(name: str, setting: dict, methods: dict) -> dict:
    """One entry of ``optimizers`` with the labels of the methods in ``own``."""
    if 'optimizer' not in setting or 'lrs' not in setting:
        raise ValueError(
            f'optimizers[{name!r}] needs optimizer and lrs. Write {NEEDED["optimizers"]}'
        )
    own = {}
    for word, lrs in setting.get('own', {}).items():
        what, line = f'optimizers[{name!r}].own: {{!r}}', f'own={{{{{{!r}}: {lrs}}}}}'
        own[_label(word, methods, what, line)] = lrs
    for lrs in (setting['lrs'], *own.values()):
        if not isinstance(lrs, (list, tuple)):
            raise ValueError(f'optimizers[{name!r}]: learning rates {lrs!r}. Write ({lrs!r}, ).')
    return dict(setting, own=own)


def _check_baseline(plan: Plan) -> None:
    for name, setting in plan.optimizers.items():
        if not plan.rates(name, plan.baseline):
            raise ValueError(
                f'optimizers[{name!r}].own leaves the baseline {plan.baseline!r} out, so nothing '
                f'could be compared. Write own={{{plan.baseline!r}: {tuple(setting["lrs"])}}}.'
            )


def _check_teachers(plan: Plan) -> None:
    for method, change in plan.changes.items():
        for name in plan.optimizers if change.teacher else ():
            if plan.rates(name, method) and not plan.rates(name, change.teacher):
                raise ValueError(
                    f'optimizers[{name!r}].own leaves out {change.teacher!r}, which teaches '
                    f'{method!r}. Write own={{{method!r}: ()}}, which leaves out {method!r} too.'
                )
        _check_shared_seeds(plan, method, change.teacher)
    for method in plan.more_seeds:
        _check_shared_seeds(plan, method, plan.baseline)


def _check_shared_seeds(plan: Plan, method: str, needed: Optional[str]) -> None:
    """A student needs its teacher on each seed, and a comparison the baseline."""
    lost = set(plan.seeds_of(method)) - set(plan.seeds_of(needed)) if needed else ()
    if lost:
        own = tuple(sorted({*plan.more_seeds.get(needed, ()), *lost}))
        raise ValueError(
            f'more_seeds: {method!r} has the seeds {sorted(lost)}, which {needed!r} lacks. Write '
            f'more_seeds = {{{needed!r}: {own}, ...}}.'
        )
