"""Whether a folder belongs to another plan, or has trainings of other configs."""

import fcntl
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType

from ..left_files import broken, read_left
from ..tables import write_text
from .plan import Change, Plan
from .runner import Study
from .runs import CONFIG, require_same

PLAN_FILE = 'plan.json'  # in the folder of each study: what all its runs have in common
MISSING = object()
SHAPE = dict(methods=dict, optimizers=dict, options=dict)
GROWING = ('optimizers', 'methods')
LATER = ('inherit', 'losses')  # of a method; the first plans had none


def claim(study: Study) -> None:
    """Write down what the runs of a folder have in common, or refuse it.

    A plan may gain and lose methods, rates and seeds; those that it shares
    with what was trained there before must be the same.

    Args:
        study (Study): Whose folder is taken.

    Raises:
        ValueError: If it is another plan's; the text shows the corrected line.
    """
    study.folder.mkdir(parents=True, exist_ok=True)
    with open(study.folder / 'plan.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        joined = require_same_plan(study)
        write_text(json.dumps(joined, indent=1), study.folder / PLAN_FILE)


def require_same_plan(study: Study) -> dict:
    """Refuse a folder of another plan, and leave it as it is.

    Returns:
        dict: What the runs of both plans have in common.

    Raises:
        ValueError: As :func:`claim`.
    """
    file, own = study.folder / PLAN_FILE, fingerprint(study.plan, study.options)
    before = _written(file) if file.exists() else own
    changed = plan_differences({**before, 'options': own['options']}, own)
    if not changed:
        require_options(
            before.get('options', own['options']),
            own['options'],
            str(study.folder),
            'take another --work-dir',
        )
    if changed:
        raise ValueError(
            f'{study.folder} belongs to another plan: {"; ".join(changed)}. '
            f'Write --work-dir {study.folder}-2'
        )
    return _joined(before, own)


def read_plan_file(file: Path, mend: str, needed: Sequence = ('methods',)) -> dict:
    """What :func:`claim` has written into a folder.

    Args:
        file (Path): ``plan.json``.
        mend (str): What to do where it is broken, a sentence.
        needed (Sequence[str]): What has to be there; an old release wrote less.

    Raises:
        DamagedFile: If it is not as it was written.
    """
    found = read_left(file, dict, mend)
    for key in (*SHAPE, *needed):
        if not isinstance(found.get(key, None if key in needed else {}), SHAPE.get(key, object)):
            raise broken(file, f'it has no {key}', mend)
    for label, method in found['methods'].items():
        policy, changes = method if _is_pair(method) else (method, {})
        if not isinstance(policy, (dict, NoneType)) or not isinstance(changes, dict):
            raise broken(file, f'its method {label!r} is not a policy and changes', mend)
    return found


def _is_pair(method: object) -> bool:
    return isinstance(method, list) and len(method) == 2


def _written(file: Path) -> dict:
    mend = (
        'Remove it, and start with the same plan and the same --cfg-options as before: it is '
        'written again. Or take another --work-dir.'
    )
    return read_plan_file(file, mend)


def fingerprint(plan: Plan, options: dict) -> dict:
    """All that must not change between runs that are compared."""
    changes = {method: _recorded(plan.change(method)) for method in plan.methods}
    found = dict(
        config=Path(plan.config).name,
        modules=plan.modules,
        tune_seed=plan.tune_seed,
        tune_share=plan.tune_share,
        options=options,
        optimizers={name: setting['optimizer'] for name, setting in plan.optimizers.items()},
        methods={name: [policy, changes[name]] for name, policy in plan.methods.items()},
    )
    return json.loads(json.dumps(found, default=str))


def _recorded(change: Change) -> dict:
    """Without what folders of earlier comparisons cannot have, where it is not used."""
    return {key: value for key, value in vars(change).items() if key not in LATER or value}


def require_options(before: Mapping, own: Mapping, where: str, other: str) -> None:
    """Refuse other options than those of the runs that are there.

    Args:
        before (Mapping): Theirs.
        own (Mapping): Of the command.
        where (str): Which folder has them.
        other (str): What to do instead.

    Raises:
        ValueError: The text shows the options that it was begun with.
    """
    changed = _differences('options', before, own)
    if changed:
        line = ' '.join(shlex.quote(f'{key}={value}') for key, value in before.items())
        write = f'Write --cfg-options {line}' if line else 'Leave --cfg-options out'
        raise ValueError(
            f'{where} has runs with other options: {"; ".join(changed)}. {write}, or {other}.'
        )


def plan_differences(before: dict, own: dict) -> list:
    """In a line each, what two plans share and have otherwise.

    Args:
        before (dict): :func:`fingerprint` of one.
        own (dict): Of the other.
    """
    found = [
        line
        for key in own
        if key not in GROWING
        for line in _differences(key, before.get(key, own[key]), own[key])
    ]
    return found + [
        line
        for key in GROWING
        for name, value in own[key].items()
        for line in _differences(
            f'{key}[{name!r}]',
            _with_names(before.get(key, {}).get(name, value)),
            _with_names(value),
        )
    ]


def _with_names(value: object) -> object:
    """A method's policy and changes as one dict."""
    return dict(value[1], policy=value[0]) if isinstance(value, list) else value


def _differences(name: str, before: object, own: object) -> list:
    """Each value that differs, with its place, rather than the dicts around it."""
    if before == own:
        return []
    if isinstance(before, list) and isinstance(own, list) and len(before) == len(own):
        before, own = dict(enumerate(before)), dict(enumerate(own))
    if not (isinstance(before, dict) and isinstance(own, dict)):
        was, now = ('not there' if each is MISSING else repr(each) for each in (before, own))
        return [f'{name} was {was} and is {now}']
    return [
        line
        for key in {**before, **own}
        for line in _differences(
            f'{name}[{key!r}]', before.get(key, MISSING), own.get(key, MISSING)
        )
    ]


def _joined(before: dict, own: dict) -> dict:
    return {**own, **{key: {**before.get(key, {}), **own[key]} for key in GROWING}}


def check_unfinished(study: Study, optimizers: Sequence) -> None:
    """Refuse runs that were begun with another config than they would go on with.

    One of the finished runs of each optimizer is compared too: its config may have been
    edited since. Without ``plan.json``, which somebody may have removed, all of them are.

    Args:
        study (Study): Whose runs are looked at.
        optimizers (Sequence[str]): Of its plan.

    Raises:
        ValueError: As :func:`write_config`.
    """
    forgotten = not (study.folder / PLAN_FILE).exists()  # which tells of finished runs
    for optimizer in optimizers:
        begun = study.known(optimizer) if forgotten else study.ready(optimizer)
        for run in [*begun, *_first_done(study, optimizer)]:
            folder = study.folder / run.name
            if not (folder / CONFIG).exists():
                continue
            try:
                cfg = study.config(run)
            except (KeyError, RuntimeError):  # its teacher is not there, or has diverged
                continue
            require_same(cfg, folder, moved=run not in begun)


def _first_done(study: Study, optimizer: str) -> list:
    """A finished run that left its config, and has no teacher: its place would be in it."""
    alone = [run for run in study.done(optimizer) if not study.plan.change(run.method).teacher]
    return [run for run in alone if (study.folder / run.name / CONFIG).exists()][:1]
