"""What the trainings of a study have left, and the tables made of it."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Optional

from ....engine.hooks.packed_val_hook import REACHED
from ....text import counted
from ...curves.training_log import read_scalars, split_rows
from ...left_files import broken, read_left
from ...tables import write_json, write_record, write_text
from ..plan import Plan
from .run import Run
from .table import seed_table, tuning_table

RESULT = 'result.json'  # in the folder of each run
RESULTS = 'results.json'  # those of all runs, beside the tables
FAILED = 'failed'  # its key in the result of a run that failed
AGAIN = 'again'  # what a finished run reached when it was trained once more, see add_again
KEYS = ('coco/bbox_mAP', 'coco/bbox_mAP_50')
MEND = 'Remove it: that run is trained again.'
NOT_VALIDATED = 'Remove it: the run then counts as one that was not validated packed.'
NEEDED = ('AP', 'AP50', 'diverged')  # of a finished run
DIVERGED = 'the training has diverged'  # what NonFiniteStepHook says at the end


def outcome(folder: Path, code: int, epochs: Optional[int] = None) -> Optional[dict]:
    """What a finished run has reached; AP 0 for one that diverged; None for
    one that failed or has not been validated at the end.

    Args:
        folder (Path): The run's.
        code (int): Exit status of its training.
        epochs (int | None): After which it is validated last; None for the
            last one in the log.

    Returns:
        dict | None: ``AP``, ``AP50``, ``skipped`` steps, ``diverged``, ``curve``
        (``[epoch, AP, AP50]`` of each validation), ``seconds`` (of its
        iterations, loading included, validations not), ``peak_cuda_mb``
        (None without a GPU), and what :func:`packed_outcome` tells.
    """
    if code:
        text = (folder / 'output.txt').read_text()
        if DIVERGED not in text[-4000:]:
            return None
        return dict(AP=0.0, AP50=0.0, skipped=-1, diverged=True, curve=[])
    rows = read_scalars(folder)
    train, curve = split_rows(rows)[0], validations(rows)
    if not curve or not train or (epochs and curve[-1][0] != epochs):
        return None
    return dict(
        AP=curve[-1][1],
        AP50=curve[-1][2],
        skipped=train[-1].get('surge.skipped_steps', 0),
        diverged=False,
        curve=curve,
        seconds=mean(row['time'] for row in train) * train[-1]['iter'],
        peak_cuda_mb=max((row['memory'] for row in train if 'memory' in row), default=None),
        **packed_outcome(folder),
    )


def packed_outcome(folder: Path) -> dict:
    """What :class:`~surge_mmdet.engine.PackedValHook` has left of a run; empty without it.

    Args:
        folder (Path): The run's.

    Returns:
        dict: ``packed_AP``, ``packed_AP50`` and ``packed_bytes``; ``not_packed``
        tells in one line why there are none, or which layers are kept.
    """
    file = folder / REACHED
    if not file.exists():
        return {}
    found = read_left(file, dict, NOT_VALIDATED)
    if 'why' in found:
        return dict(not_packed=_one_line(str(found['why'])))
    shape = dict(metrics=dict, bytes=int, kept=dict)
    lost = [key for key, kind in shape.items() if not isinstance(found.get(key), kind)]
    if lost:
        raise broken(file, f'it has no {lost[0]}', NOT_VALIDATED)
    # As in validations: nothing at all was detected, that is AP 0.
    ap, ap50 = (found['metrics'].get(key, 0.0) for key in KEYS)
    reached = dict(packed_AP=ap, packed_AP50=ap50, packed_bytes=found['bytes'])
    if found['kept']:
        reasons = dict.fromkeys(map(_one_line, found['kept'].values()))
        reached['not_packed'] = f'{counted(len(found["kept"]), "layer")}: {"; ".join(reasons)}'
    return reached


def _one_line(text: str) -> str:
    return ' '.join(text.split()).replace('|', '/')


def validations(rows: list) -> list:
    """``[epoch, AP, AP50]`` of each validation, by epoch.

    CocoMetric has no result where nothing at all is detected: that is AP 0.

    Args:
        rows (list): Of the log; a resumed part replaces what it repeats.
    """
    found = {
        row['step']: [row['step'], *(row.get(key, 0.0) for key in KEYS)]
        for row in rows
        if 'loss' not in row and 'step' in row
    }
    return [found[epoch] for epoch in sorted(found)]


def read_results(plan: Plan, folder: Path) -> dict:
    """:class:`Run` to result, of all that are finished."""
    return {run: result for run, result in _read(plan, folder) if FAILED not in result}


def read_failed(plan: Plan, folder: Path) -> dict:
    """:class:`Run` to the last line of its output, of those whose last training failed."""
    lasts = [(run, last_training(result)) for run, result in _read(plan, folder)]
    return {run: last[FAILED] for run, last in lasts if FAILED in last}


def read_result(file: Path) -> dict:
    """What a run has left; empty without the file.

    Raises:
        ValueError: If the file is damaged; the text names it.
    """
    if not file.exists():
        return {}
    found = read_left(file, dict, MEND)
    lost = [key for key in NEEDED if key not in found]
    if lost and FAILED not in found:
        raise broken(file, f'it has neither {lost[0]!r} nor {FAILED!r}', MEND)
    return found


def add_again(before: Mapping, result: dict) -> dict:
    """A finished run's result, with what it reached when it was trained once more.

    A teacher is, when its checkpoint is gone and a student needs it. What was
    reported, and what rates were chosen by, stays, also if this training fails.

    Args:
        before (Mapping): What the run had left, if anything.
        result (dict): Of its last training; empty while that goes on.
    """
    finished = before and FAILED not in before
    return {**before, AGAIN: result} if finished else result


def last_training(result: Mapping) -> Mapping:
    """Of a run's result what belongs to its checkpoint, if there is one."""
    return result.get(AGAIN, result)


def _read(plan: Plan, folder: Path) -> list:
    seeds = (plan.tune_seed, *plan.all_seeds)
    runs = [
        Run(optimizer, method, lr, seed)
        for optimizer in plan.optimizers
        for method, lr, seed in product(plan.methods, plan.all_rates(optimizer), seeds)
    ]
    files = [(run, folder / run.name / RESULT) for run in runs]
    return [(run, read_result(file)) for run, file in files if file.exists()]


def write_tables(plan: Plan, folder: Path, more: Mapping = {}, **about) -> str:
    """Write ``tables.md``, ``results.json`` and ``record.json``.

    Args:
        plan (Plan): The plan.
        folder (Path): Of the study.
        more (Mapping[str, Table]): Further tables of the record.
        **about: Command, machine and versions, for the record.

    Returns:
        str: The tables as Markdown.
    """
    results = read_results(plan, folder)
    tables = {
        f'{optimizer}_{name}': table(results, plan, optimizer)
        for optimizer in plan.optimizers
        for name, table in (('rates', tuning_table), ('seeds', seed_table))
    }
    tables = {name: each for name, each in tables.items() if each.rows or 'seeds' in name}
    text = '\n\n'.join(table.markdown() for table in tables.values())
    write_text(text, folder / 'tables.md')
    failed = {run: {FAILED: line} for run, line in read_failed(plan, folder).items()}
    rows = [dict(vars(run), **row) for run, row in {**failed, **results}.items()]
    write_json(rows, folder / RESULTS)
    write_record({**tables, **more}, folder / 'record.json', **about)
    return text
