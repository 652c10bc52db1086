"""Lines that say which run is trained, how many are done, and how long it takes."""

import time
from statistics import median
from typing import Optional

from .results import FAILED
from .run import Run


def starts(comparison, study, run: Run) -> str:
    """The line at a run's start.

    Args:
        comparison (Comparison): What it belongs to.
        study (Study): Its study.
        run (Run): The run.
    """
    running = sum(len(each.held(comparison.optimizers)) for each in comparison.studies)
    left = seconds_left(comparison)
    told = '' if not left else f'; about {duration(left / max(1, running))} left'
    return f'{_head(comparison)} {name(study, run)} is trained{told}'


def ends(comparison, study, run: Run, result: dict) -> str:
    """The line at a run's end.

    Args:
        comparison (Comparison): What it belongs to.
        study (Study): Its study.
        run (Run): The run.
        result (dict): What it has left.
    """
    if FAILED in result:
        told = f'FAILED: {result[FAILED]}'
    elif result['diverged']:
        told = 'diverged, AP 0'
    else:
        told = f'AP {result["AP"]:.3f}, AP50 {result["AP50"]:.3f}'
        told += f' after {duration(result["wall_seconds"])}'
    return f'{_head(comparison)} {name(study, run)}: {told}'


def _head(comparison) -> str:
    return f'{time.strftime("%H:%M")} [{comparison.done} of {comparison.total} done]'


def name(study, run: Run) -> str:
    """A run's name, with its data set if the plan has several."""
    return f'{study.plan.dataset}/{run.name}' if study.plan.dataset else run.name


def seconds_left(comparison) -> Optional[float]:
    """Of one worker, from what the finished runs took; None before the first one.

    A method that has no finished run counts as the median of the others.

    Args:
        comparison (Comparison): What is trained.
    """
    parts = [
        _seconds_left(study, optimizer)
        for study in comparison.studies
        for optimizer in comparison.optimizers
    ]
    known = [part for part in parts if part is not None]
    # A data set without any finished run counts as the mean of the others.
    return sum(known) * len(parts) / len(known) if known else None


def _seconds_left(study, optimizer: str) -> Optional[float]:
    finished = study.finished(optimizer)
    took = {method: [] for method in study.plan.methods}
    for run, result in finished.items():
        seconds = result.get('wall_seconds') or result.get('seconds')
        if seconds:
            took[run.method].append(seconds)
    done = study.done(optimizer)
    every = [seconds for each in took.values() for seconds in each]
    if not every:
        return None
    left = {
        method: study.plan.count(optimizer, method) - sum(run.method == method for run in done)
        for method in took
    }
    return sum(left[method] * median(took[method] or every) for method in took)


def duration(seconds: float) -> str:
    """A time as people say it.

    Examples:
        >>> [duration(s) for s in (20, 140, 4000, 90_000)]
        ['20 s', '2 min', '1 h 7 min', '1 d 1 h']
    """
    if seconds < 60:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    if minutes < 60:
        return f'{minutes} min'
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f'{hours} h {minutes} min'
    return f'{hours // 24} d {hours % 24} h'
