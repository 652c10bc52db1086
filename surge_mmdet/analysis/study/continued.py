"""Going on from the results of a comparison whose work directory is elsewhere, or gone.

What a comparison leaves to be kept is small: ``results.json`` tells each run by
itself, ``plan.json`` what all have in common. With both a comparison goes on in
another folder, on another machine, and trains what is left.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from ..left_files import broken, read_left
from ..tables import write_json
from .clashes import (
    PLAN_FILE,
    fingerprint,
    plan_differences,
    read_plan_file,
    require_options,
)
from .plan import Plan
from .runner import Study
from .runs import FAILED, RESULT, RESULTS, Run, checkpoints, read_result

OF_A_RUN = ('optimizer', 'method', 'lr', 'seed')  # the rest of a row is its result
OPTION = '--continue-from'
MEND = f'Copy it again, or leave {OPTION} out.'


def has_kept(source: Path) -> bool:
    """Whether a folder holds the two files of a comparison."""
    return all((source / name).is_file() for name in (RESULTS, PLAN_FILE))


def require_continuable(study: Study, source: Path) -> None:
    """Refuse files of another plan, and those that are broken.

    Args:
        study (Study): Whose runs are to go on.
        source (Path): A folder that :func:`has_kept` both files.

    Raises:
        ValueError: The text shows the corrected line.
    """
    own = fingerprint(study.plan, study.options)
    kept = read_plan_file(source / PLAN_FILE, MEND, ('methods', 'optimizers', 'options'))
    missing = [key for key in own if key not in kept]
    if missing:
        raise broken(source / PLAN_FILE, f'it has no {missing[0]}', MEND)
    changed = plan_differences({**kept, 'options': own['options']}, own)
    if changed:
        raise ValueError(
            f'{OPTION}: {source} belongs to another plan: {"; ".join(changed)}. '
            f'Write it as it was, give what is changed another label, or leave {OPTION} out.'
        )
    require_options(kept['options'], own['options'], f'{OPTION}: {source}', f'leave {OPTION} out')
    for row in _rows(source):
        for key, known in (('method', kept['methods']), ('optimizer', kept['optimizers'])):
            if row[key] not in known:
                why = f'{row[key]!r} is not in the {PLAN_FILE} beside it'
                raise broken(source / RESULTS, why, MEND)


def continuable(study: Study, source: Path) -> dict:
    """The finished runs of another folder that the plan has and this folder lacks.

    Args:
        study (Study): Accepted by :func:`require_continuable`.
        source (Path): Accepted with it.

    Returns:
        dict: :class:`Run` to result. A run that has a checkpoint here goes on
        from that, and is not among them.
    """
    found = {}
    for row in _rows(source):
        run = Run(*(row[key] for key in OF_A_RUN))
        if FAILED not in row and _asks_for(study.plan, run) and not _has_begun(study, run):
            found[run] = {key: row[key] for key in row if key not in OF_A_RUN}
    return found


@contextmanager
def rehearsal(folder: Path) -> Iterator:
    """A folder with links to all files of another, in which a dry run may take runs."""
    with TemporaryDirectory() as copy:
        if folder.exists():
            copytree(folder.resolve(), copy, copy_function=os.symlink, dirs_exist_ok=True)
        yield Path(copy)


def left_out(study: Study, source: Path) -> list:
    """The methods of another folder's finished runs that the plan does not have by these labels."""
    rows = [row for row in _rows(source) if FAILED not in row]
    return list(dict.fromkeys(r['method'] for r in rows if r['method'] not in study.plan.methods))


def continue_from(study: Study, source: Path) -> list:
    """Write what is :func:`continuable` into the folders of the runs, without checkpoints.

    Args:
        study (Study): Accepted by :func:`require_continuable`.
        source (Path): Accepted with it.

    Returns:
        list[Run]: Those that were taken.
    """
    found = continuable(study, source)
    for run, result in found.items():
        write_json(result, study.folder / run.name / RESULT)
    return list(found)


def _asks_for(plan: Plan, run: Run) -> bool:
    if run.optimizer not in plan.optimizers or run.method not in plan.methods:
        return False
    tuning = run.seed == plan.tune_seed
    rates = (plan.tuned if tuning else plan.rates)(run.optimizer, run.method)
    return run.lr in rates and (tuning or run.seed in plan.seeds_of(run.method))


def _has_begun(study: Study, run: Run) -> bool:
    folder = study.folder / run.name
    result = read_result(folder / RESULT)
    return bool(checkpoints(folder)) or bool(result and FAILED not in result)


def _rows(source: Path) -> list:
    file = source / RESULTS
    rows = read_left(file, list, MEND)
    for row in rows:
        if not _is_run(row):
            raise broken(file, f'{_start(row)} is no run', MEND)
    return rows


def _start(row: object) -> str:
    text = json.dumps(row)
    return text if len(text) <= 80 else f'{text[:80]} ...'


def _is_run(row: object) -> bool:
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(key), str) for key in ('optimizer', 'method'))
        and _is_number(row.get('lr'))
        and type(row.get('seed')) is int
        and (isinstance(row.get(FAILED), str) or _is_result(row))
    )


def _is_result(row: Mapping) -> bool:
    """Whether a row has what choosing rates and the report need, in kind."""
    optional = ('seconds', 'wall_seconds', 'peak_rss_mb', 'packed_AP', 'packed_AP50')
    return (
        all(_is_number(row.get(key)) for key in ('AP', 'AP50'))
        and isinstance(row.get('diverged'), bool)
        and isinstance(row.get('curve'), list)
        and all(_is_number(row[key]) for key in optional if key in row)
    )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
