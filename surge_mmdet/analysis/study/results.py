"""What the trainings of a study have left, and the tables made of it."""

import json
from itertools import product
from pathlib import Path
from typing import Optional

from ..curves.training_log import read_scalars, split_rows
from ..tables import write_json, write_record, write_text
from .plan import Plan
from .runs import Run
from .table import seed_table, tuning_table

DIVERGED = 'the training has diverged'  # what NonFiniteStepHook says at the end


def outcome(folder: Path, code: int) -> Optional[dict]:
    """AP and AP50 of a finished run; 0 for one that diverged; None for one
    that failed or has not been validated.

    Args:
        folder (Path): The run's.
        code (int): Exit status of its training.
    """
    if code:
        text = (folder / 'output.txt').read_text()
        if DIVERGED not in text[-4000:]:
            return None
        return dict(AP=0.0, AP50=0.0, skipped=-1, diverged=True)
    rows, val = split_rows(read_scalars(folder))
    if not val or not rows:
        return None
    return dict(
        AP=val[-1]['coco/bbox_mAP'],
        AP50=val[-1]['coco/bbox_mAP_50'],
        skipped=rows[-1].get('surge.skipped_steps', 0),
        diverged=False,
    )


def read_results(plan: Plan, folder: Path) -> dict:
    """:class:`Run` to result, of all that are finished."""
    found = {}
    seeds = (plan.tune_seed, *plan.seeds)
    for optimizer in plan.optimizers:
        for method, lr, seed in product(plan.methods, plan.all_rates(optimizer), seeds):
            run = Run(optimizer, method, lr, seed)
            file = folder / run.name / 'result.json'
            if file.exists():
                found[run] = json.loads(file.read_text())
    return found


def write_tables(plan: Plan, folder: Path, **about) -> str:
    """Write ``tables.md``, ``results.json`` and ``record.json``.

    Args:
        plan (Plan): The plan.
        folder (Path): Of the study.
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
    text = '\n\n'.join(table.markdown() for table in tables.values())
    write_text(text, folder / 'tables.md')
    write_json([dict(vars(run), **row) for run, row in results.items()], folder / 'results.json')
    write_record(tables, folder / 'record.json', **about)
    return text
