"""What a report says, in plain sentences made from its statistics.

No sentence claims more than an interval holds: a method is above or below
another only where the corrected test says so, and what is not resolved is told
with how large a difference may still be hidden.
"""

from math import isnan, sqrt
from typing import Optional

from ....text import counted
from ..plan import but_for_rates
from ..statistics import DIFFERENCE, LEVEL, NO_SPREAD, Difference, pooled_sd, seeds_needed, spread
from .comparisons import Compared
from .gather import DIVERGED, FAILED, FINISHED, SEEDS, TUNING, Section

UNTRAINED = 0.01  # AP below which a detector finds next to nothing


def findings(compared: Compared) -> list:
    """The sentences of one section, most important first."""
    section = compared.section
    return [
        *_baseline(section),
        *_untrained(section),
        *[resolved(each) for each in compared.all if each.resolved],
        *_unresolved(compared),
        *_surge(compared),
        *_waiting(compared),
        *_spread(compared),
        *_power(compared),
        *_lost(section),
        *_edges(section),
        *_close_calls(compared),
    ]


def _untrained(section: Section) -> list:
    """Detectors that find nothing can be told from nothing."""
    values = [
        row.ap
        for method in section.methods
        for row in section.seeds(method)
        if row.status == FINISHED
    ]
    if not values or max(values) >= UNTRAINED:
        return []
    return [
        f'No seed of any method reaches an AP of {UNTRAINED}: these detectors have hardly been '
        'trained, and nothing below compares methods. Train longer; a warm-up longer than the '
        'training, and what else a training warns of, stands in output.txt of the run.'
    ]


def _baseline(section: Section) -> list:
    values = list(section.values(section.plan.baseline).values())
    if not values:
        return [f'The baseline {section.plan.baseline} has not been trained on any seed yet.']
    centre, deviation = spread(values)
    told = '' if isnan(deviation) else f', with a standard deviation of {deviation:.3f}'
    seeds = 'one seed' if len(values) == 1 else f'{len(values)} seeds'
    return [f'{section.plan.baseline} reaches an AP of {centre:.3f} on {seeds}{told}.']


def resolved(found: Difference) -> str:
    """A resolved difference, with the interval that holds for all comparisons together."""
    side = 'above' if found.mean > 0 else 'below'
    low, high = sorted(abs(found.mean + sign * found.wide) for sign in (-1, 1))
    text = f'{found.method} is {side} {found.base}'
    if found.wide < abs(found.mean):
        text += f', by {low:.3f} to {high:.3f} AP'
    else:
        text += ', by an amount that the interval for all comparisons leaves open'
    return f"{text} ({len(found.values)} pairs, Holm's p = {found.adjusted:.2g})."


def _unresolved(compared: Compared) -> list:
    """What is not resolved, by what it is held against."""
    found: dict = {}
    for each in compared.all:
        if not each.resolved and not isnan(each.p):
            low, high = each.mean - each.wide, each.mean + each.wide
            found.setdefault(each.base, []).append(f'{each.method} ({low:+.3f} to {high:+.3f})')
    return [
        f'Not distinguishable from {base} (in brackets how far off in AP each may still be, by '
        f'the interval for all comparisons): {"; ".join(several)}.'
        for base, several in found.items()
    ]


def _surge(compared: Compared) -> list:
    """How often SURGE on top made a difference."""
    pairs = compared.with_surge
    tested = [each for each in pairs if not isnan(each.p)]
    if not tested:
        return []
    above = sum(each.resolved and each.mean > 0 for each in tested)
    below = sum(each.resolved and each.mean < 0 for each in tested)
    return [
        f'SURGE on top of the same method: {counted(len(tested), "comparison")}, {above} resolved '
        f'in its favour, {below} against it, {len(tested) - above - below} not resolved.'
    ]


def _power(compared: Compared) -> list:
    """How many seeds a small difference takes, given the spread of those to the baseline."""
    sd = pooled_sd([each.values for each in compared.to_baseline])
    if not sd or sd < NO_SPREAD:
        return []
    needed = seeds_needed(sd, methods=len(compared.pool.methods) if compared.pool else 2)
    return [
        f'Paired differences to {compared.section.plan.baseline} have a standard deviation of '
        f'{sd:.3f} AP over the seeds: a difference of {DIFFERENCE} takes '
        f'{counted(needed, "seed")} (one comparison by itself, 5 %, power 80 %).'
    ]


def _spread(compared: Compared) -> list:
    """Which spread the intervals are made of, and whether all methods have it."""
    shared = compared.pool
    if not shared or shared.sd < NO_SPREAD:
        return []
    return [
        f'Luck moves the AP of a run by a standard deviation of {shared.sd:.3f}, estimated from '
        f'{len(shared.methods)} methods together with {shared.freedom} degrees of freedom. '
        + _levene(shared.equal_spreads)
    ]


def _levene(p: Optional[float]) -> str:
    if p is None:
        return 'Whether their spreads are equal takes four seeds each to say.'
    found = 'no difference' if p >= LEVEL else 'a difference'
    return (
        f"Levene's test finds {found} between the spreads of those with four seeds or more "
        f'(p = {p:.2g}).'
    )


def _waiting(compared: Compared) -> list:
    few = [each for each in compared.all if isnan(each.p)]
    if not few:
        return []
    if len(few) == len(compared.all):
        if max(len(each.values) for each in few) < 2:
            return ['No comparison has two seeds yet, so nothing can be said of any.']
        return ['The seeds of each comparison agree to the last digit, so none can be tested.']
    pairs = '; '.join(f'{each.method} against {each.base}' for each in few)
    return [f'Too few seeds, or no spread between them, to say anything of {pairs}.']


def _lost(section: Section) -> list:
    told = []
    diverged, failed = (section.lost(status) for status in (DIVERGED, FAILED))
    compared = sum(row.part == SEEDS for row in diverged)
    if diverged:
        told.append(
            f'{counted(len(diverged), "run")} diverged, {compared} among those compared, where '
            'such a run counts as AP 0; a mean or an interval with it says little.'
        )
    if failed:
        told.append(f'{counted(len(failed), "run")} failed: in no mean and in no difference.')
    return told


def _edges(section: Section) -> list:
    edges = [
        method for method in section.methods if method in section.best and section.at_edge(method)
    ]
    if not edges:
        return []
    return [
        'The best learning rate is the lowest or highest of those tried, so that a better one may '
        f'lie beyond, for {"every method" if edges == section.methods else "; ".join(edges)}.'
    ]


def _close_calls(compared: Compared) -> list:
    """Methods whose tuning chose by less than luck moves two runs apart."""
    shared, section = compared.pool, compared.section
    if not shared or shared.sd < NO_SPREAD:
        return []
    close = []
    for method in section.methods:
        others = [row for row in _tried(section, method) if row.run.lr != section.best.get(method)]
        chosen = [row for row in _tried(section, method) if row.run.lr == section.best.get(method)]
        if not others or not chosen:
            continue
        first, second = chosen[0], max(others, key=lambda row: row.ap)
        lead = first.ap - second.ap
        if lead < sqrt(2) * shared.sd and not _has_control(section, method, second.run.lr):
            close.append(f'{method} ({first.run.lr:g} over {second.run.lr:g} by {lead:.3f})')
    if not close:
        return []
    return [
        'The tuning chose by less AP than the standard deviation of a difference of two runs for '
        f'{"; ".join(close)}. Where much rests on it, a second label with the other rate is a '
        'control. On the smaller parts of the tuning luck moves a run more: others may be mistaken '
        'too.'
    ]


def _tried(section: Section, method: str) -> list:
    """The runs of a method's tuning that came to an end."""
    rows = [row for row in section.rows if row.run.method == method and row.part == TUNING]
    return [row for row in rows if row.status == FINISHED]


def _has_control(section: Section, method: str, lr: float) -> bool:
    """Whether the plan has the same method with this rate alone."""
    plan = section.plan
    return any(
        but_for_rates(plan, other) == but_for_rates(plan, method)
        for other in section.methods
        if plan.rates(section.optimizer, other) == (lr,)
    )
