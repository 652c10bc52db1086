"""What a comparison will train, how long that takes, and what its seeds can show."""

from ...text import counted
from ..tables import Column, Table
from .comparison import Comparison
from .runner import Study
from .runs import Run, duration, read_results, seconds_left
from .statistics import DIFFERENCE, PRIOR_SD, pooled_sd, resolved, seeds_needed


def overview(comparison: Comparison, workers: int) -> str:
    """The plan as it stands, for people.

    Args:
        comparison (Comparison): What is to be trained.
        workers (int): How many trainings run at once.
    """
    parts = [
        part
        for study in comparison.studies
        for optimizer in comparison.optimizers
        for part in (
            plan_table(study, optimizer).markdown(),
            power_text(study, optimizer),
        )
    ]
    return '\n\n'.join([*parts, _time_text(comparison, workers)])


def plan_table(study: Study, optimizer: str) -> Table:
    """Each method's runs, and how many are done."""
    columns = [
        Column(f'{study.plan.dataset} {optimizer}'.strip(), 'method'),
        Column('learning rates', 'rates'),
        Column('tuned', 'tuned'),
        Column('seeds', 'seeds'),
        Column('taught by', 'teacher'),
    ]
    methods = [m for m in study.plan.methods if study.plan.rates(optimizer, m)]
    return Table(columns, [_plan_row(study, optimizer, method) for method in methods])


def _plan_row(study: Study, optimizer: str, method: str) -> dict:
    plan = study.plan
    done = [run for run in study.done(optimizer) if run.method == method]
    tuned = sum(run.seed == plan.tune_seed for run in done)
    rates, tries = plan.rates(optimizer, method), plan.tuned(optimizer, method)
    return dict(
        method=method,
        rates=', '.join(f'{lr:g}' for lr in rates),
        tuned=f'{tuned} of {len(tries)}' if tries else 'one rate',
        seeds=f'{len(done) - tuned} of {len(plan.seeds_of(method))}',
        teacher=plan.change(method).teacher,
    )


def power_text(study: Study, optimizer: str) -> str:
    """How many seeds a difference of 0.01 AP needs, from the spread so far."""
    plan = study.plan
    groups = differences(study, optimizer)
    sd = pooled_sd(list(groups.values()))
    source = (
        'the spread of the differences so far'
        if sd is not None
        else 'which is assumed, as too few seeds are paired yet to measure it: binary methods of '
        'the published study had 0.015 to 0.023'
    )
    sd = PRIOR_SD if sd is None else sd
    methods = max(2, sum(bool(plan.rates(optimizer, method)) for method in plan.methods))
    needed = seeds_needed(sd, methods=methods)
    lines = [
        f'A difference of {DIFFERENCE} AP to {plan.baseline} takes {counted(needed, "seed")} (one '
        f'comparison by itself, two-sided 5 %, power 80 %; differences have a standard deviation '
        f'of {sd:.3f}, {source}).'
    ]
    if len(plan.seeds) > 1:
        lines.append(
            f'The {len(plan.seeds)} seeds of the plan show differences from '
            f'{resolved(sd, len(plan.seeds), methods):.3f} AP on.'
        )
    return ' '.join(lines)


def differences(study: Study, optimizer: str) -> dict:
    """Method to its AP minus the baseline's, seed by seed, of finished seeds."""
    plan, best = study.plan, study.best(optimizer)
    results = read_results(plan, study.folder)
    found = {}
    for method in best:
        pairs = [
            [results.get(Run(optimizer, name, best[name], seed)) for name in (method, base)]
            for base in (plan.baseline,)
            if base in best and base != method
            for seed in plan.seeds_of(method)
        ]
        found[method] = [own['AP'] - base['AP'] for own, base in pairs if own and base]
    return {method: values for method, values in found.items() if values}


def _time_text(comparison: Comparison, workers: int) -> str:
    done, failed = comparison.done, len(comparison.failed)
    text = f'{counted(comparison.total, "run")}: {done} finished'
    text += f', {failed} failed and tried again' * bool(failed)
    text += f', {comparison.total - done} left'
    if comparison.total == comparison.done:
        return f'{text}.'
    left = seconds_left(comparison)
    if left is None:
        return f'{text}. How long they take is known after the first one.'
    beside = f' with {workers} at once' * (workers > 1)
    return f'{text}; about {duration(left / workers)}{beside}.'
