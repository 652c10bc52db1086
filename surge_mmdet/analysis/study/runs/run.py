"""The runs of a study, and the choice of a learning rate for each method.

A comparison at one learning rate says as much about the rate as about the
methods. So each method is first trained with several rates on one seed; the
best one is then trained on seeds that the choice has not seen, and methods
are compared seed by seed.
"""

from dataclasses import dataclass
from typing import Optional

from ..plan import Plan, folder_word


@dataclass(frozen=True)
class Run:
    """One training of a study."""

    optimizer: str
    method: str
    lr: float
    seed: int

    @property
    def name(self) -> str:
        """A folder name."""
        return f'{self.optimizer}_{folder_word(self.method)}_lr{self.lr:g}_seed{self.seed}'


def tuning_runs(plan: Plan, optimizer: str) -> list:
    """Every method with each of its rates, on the tuning seed, if there is a choice."""
    return [
        Run(optimizer, method, lr, plan.tune_seed)
        for method in plan.methods
        for lr in plan.tuned(optimizer, method)
    ]


def first_run(plan: Plan, optimizer: str, method: str) -> Run:
    """A run that stands for all of a method: of its tuning, if there is one."""
    given = plan.seeds and not plan.tuned(optimizer, method)
    seed = plan.seeds[0] if given else plan.tune_seed
    return Run(optimizer, method, plan.rates(optimizer, method)[0], seed)


def seed_runs(plan: Plan, optimizer: str, best: dict) -> list:
    """Every method with its best rate, seed by seed."""
    return [
        Run(optimizer, method, best[method], seed)
        for seed in plan.all_seeds
        for method in plan.methods
        if method in best and seed in plan.seeds_of(method)
    ]


def all_runs(plan: Plan, optimizer: str, best: dict) -> list:
    """What is to be trained as far as it is known, in order: method by method,
    so that the first ones can be compared before the last ones are tuned; and
    more seeds of some once everyone has its own."""
    tuning, seeds = tuning_runs(plan, optimizer), seed_runs(plan, optimizer, best)
    more = [run for run in seeds if run.seed not in plan.seeds]
    seeds = [run for run in seeds if run.seed in plan.seeds]
    first = [run for name in plan.methods for run in (*tuning, *seeds) if run.method == name]
    return [*first, *more]


def best_rates(results: dict, plan: Plan, optimizer: str) -> dict:
    """Method to the rate with the highest AP on the tuning seed, or to its only one.

    Args:
        results (dict): :class:`Run` to ``dict(AP=, AP50=)``.
        plan (Plan): Only methods whose rates are all done are chosen.
        optimizer (str): Name in the plan.
    """
    best = {}
    for method in plan.methods:
        rates = plan.rates(optimizer, method)
        runs = [Run(optimizer, method, lr, plan.tune_seed) for lr in rates]
        if len(rates) == 1:
            best[method] = rates[0]
        elif runs and all(run in results for run in runs):
            best[method] = max(runs, key=lambda run: results[run]['AP']).lr
    return best


def teacher_run(plan: Plan, run: Run, best: dict) -> Optional[Run]:
    """The run that teaches another: the teacher's best rate, the same seed.

    Args:
        plan (Plan): The plan.
        run (Run): Of a method with a teacher.
        best (dict): :func:`best_rates` of the run's optimizer.

    Returns:
        Run | None: None while the teacher's rate is not chosen.
    """
    teacher = plan.change(run.method).teacher
    if teacher not in best:
        return None
    return Run(run.optimizer, teacher, best[teacher], run.seed)


def is_ready(plan: Plan, run: Run, best: dict, results: dict) -> bool:
    """Whether a run has no teacher, or one that has finished."""
    if plan.change(run.method).teacher is None:
        return True
    return teacher_run(plan, run, best) in results


def is_beaten(plan: Plan, run: Run, results: dict) -> bool:
    """Whether another rate of its method is better already: then this one is never chosen."""
    rates = plan.rates(run.optimizer, run.method)
    runs = {lr: Run(run.optimizer, run.method, lr, plan.tune_seed) for lr in rates}
    scores = {lr: results[run]['AP'] for lr, run in runs.items() if run in results}
    return run.lr in scores and run.lr != max(scores, key=scores.get)


def has_students(plan: Plan, run: Run, best: dict, results: dict) -> bool:
    """Whether runs that are not done (may) need the checkpoint of this one."""
    students = [name for name in plan.methods if plan.change(name).teacher == run.method]
    if not students:
        return False
    if run.method not in best:
        return not is_beaten(plan, run, results)
    if run.lr != best[run.method]:
        return False
    tuning = run.seed == plan.tune_seed
    return any(
        not tuning
        and name not in best
        or any(
            Run(run.optimizer, name, lr, run.seed) not in results
            for lr in (plan.tuned(run.optimizer, name) if tuning else (best[name],))
        )
        for name in students
        if plan.rates(run.optimizer, name) and (tuning or run.seed in plan.seeds_of(name))
    )
