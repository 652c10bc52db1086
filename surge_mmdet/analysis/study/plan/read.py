"""Reading the file of a plan: what it must say, checked before the first training."""

import sys
from dataclasses import replace
from os import PathLike
from pathlib import Path

from ...loading import load_config, near_file
from .changes import read_entry
from .composed import listed_method
from .labels import by_label, find_label, require_label
from .names import EXAMPLE, NEEDED, require_names
from .plan import Plan, folder_word
from .rates import read_optimizers, require_different, require_rates
from .seeds import read_more_seeds, read_seeds, read_tune_seed, require_partners
from .teachers import with_teachers

MOVED = {'configs/ablation/plan_bccd.py': EXAMPLE}


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
    require_names(path, found)
    configs = _configs(path, found)
    methods, changes = read_methods(found.methods)
    tune_seed = read_tune_seed(found.tune_seed)
    seeds = read_seeds(found.seeds, tune_seed)
    more = by_label(found.get('more_seeds', {}), methods, 'more_seeds')
    plan = Plan(
        config='',
        modules=_modules(found.modules),
        methods=methods,
        baseline=find_label(found.baseline, methods, 'baseline={!r}', 'baseline={!r}'),
        tune_seed=tune_seed,
        seeds=seeds,
        optimizers=read_optimizers(found.optimizers, methods),
        changes=with_teachers(changes),
        tune_share=_share(found),
        more_seeds=read_more_seeds(more, seeds, tune_seed),
    )
    require_rates(plan)
    require_different(plan)
    require_partners(plan)
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


def _modules(given: object) -> tuple:
    listed = isinstance(given, (list, tuple))
    if not listed or not all(isinstance(each, str) for each in given):
        raise ValueError(
            f'modules={given!r} is no list of parts of the model. Write '
            + (f'modules = ({given!r}, ).' if isinstance(given, str) else NEEDED['modules'])
        )
    return tuple(given)


def _config_file(path: str, root: Path, config: str) -> str:
    if not isinstance(config, (str, PathLike)) or not (root / config).is_file():
        raise ValueError(
            f'{path}: config={config!r} is no file. Write a path from the root of the '
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
    what = 'is no plan' if Path(path).exists() else 'does not exist'
    meant = near_file(Path(path), 0.8) or EXAMPLE
    raise ValueError(f'{path} {what}. Write compare_methods.py {meant} --work-dir DIR')


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
    if not isinstance(listed, (list, tuple, dict)):
        raise ValueError(f'methods={listed!r} is no list. Write {NEEDED["methods"]}')
    found, changes, folders = {}, {}, {}
    for entry in [listed] if isinstance(listed, dict) else listed:
        for label, given in _entry(entry).items():
            require_label(label, given)
            folder = folder_word(label).lower()  # some file systems ignore case
            if label in found:
                raise ValueError(
                    f'method {label!r} stands in methods twice. Write it once, or give the other '
                    f'one a name of its own: {{{f"{label} 2"!r}: {given}}}.'
                )
            if folder in folders:
                raise ValueError(
                    f'method {label!r} has no folder of its own: it would be that of '
                    f'{folders[folder]!r}, where upper case, lower case and blanks do not count. '
                    f'Write {{{f"{label} 2"!r}: {given}}}.'
                )
            found[label], changes[label] = read_entry(label, given)
            folders[folder] = label
    if not found:
        raise ValueError(f'methods={listed!r} has no method. Write {NEEDED["methods"]}')
    return found, changes


def _entry(entry) -> dict:
    if isinstance(entry, dict):
        return entry
    method = listed_method(entry)
    return {method.label: method.policy()}


def _share(found) -> float:
    share = found.get('tune_share', 0.8)
    if not isinstance(share, float) or not 0 < share < 1:
        raise ValueError(
            f'tune_share={share!r} is no share of the training images. Write tune_share = 0.8.'
        )
    return share
