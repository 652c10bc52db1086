"""Which methods are compared with which, and how that came out."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Optional

from ....methods import STRENGTH, has_surge
from ..plan import Plan
from ..statistics import Difference, Estimate, Pool, by_seed, corrected, pool
from .gather import DIVERGED, SEEDS, Section

# What lets a large eta be trained beside a teacher changes nothing else.
ALLOWED = 'default_hooks.config_check.full_branch_beside_teacher'
WITH, WITHOUT = 'SURGE on top, mean of {} methods', 'the same without'
ONE_RATE = 'SURGE on top at one rate, mean of {} methods'


@dataclass(frozen=True)
class Compared:
    """The comparisons of one section.

    Args:
        section (Section): Whose.
        to_baseline (Sequence[Difference]): Every method minus the baseline.
        to_twin (Sequence[Difference]): Every method with SURGE minus the same
            without it, where the baseline is another one.
        overall (Sequence[Difference]): The mean over all these methods, seed
            by seed; empty where there is only one. Once more of those with one
            learning rate, where the plan has a method at several.
        pool (Pool | None): The spread that all of them share.
    """

    section: Section
    to_baseline: Sequence
    to_twin: Sequence
    overall: Sequence
    pool: Optional[Pool] = None

    @property
    def all(self) -> list:
        """Each comparison once."""
        return [*self.to_baseline, *self.to_twin, *self.overall]

    @property
    def with_surge(self) -> list:
        """Every method with SURGE minus the same without it."""
        bare = twins(self.section.plan)
        return [each for each in self.all if each.base in bare.get(each.method, ())]

    def of_baseline(self, method: str) -> Difference:
        """The comparison of a method with the baseline."""
        return next(each for each in self.to_baseline if each.method == method)


def compare(sections: Sequence) -> list:
    """All comparisons of AP of a report, corrected as one family.

    Args:
        sections (Sequence[Section]): Of the report.

    Returns:
        list[Compared]: One for each section.
    """
    plain = [_compared(section) for section in sections]
    ready = iter(corrected([each for one in plain for each in one.all]))
    return [
        replace(
            one,
            to_baseline=[next(ready) for _ in one.to_baseline],
            to_twin=[next(ready) for _ in one.to_twin],
            overall=[next(ready) for _ in one.overall],
        )
        for one in plain
    ]


def twins(plan: Plan) -> dict:
    """Method with SURGE to the same without, as far as the plan has both.

    Args:
        plan (Plan): Whose policies are compared.

    Returns:
        dict[str, tuple]: Several where the plan has one with other rates beside it.
    """
    plain: dict = {}
    for method in plan.methods:
        if not _surge(plan, method):
            plain.setdefault(_key(plan, method), []).append(method)
    found = {m: tuple(plain.get(_key(plan, m), ())) for m in plan.methods if _surge(plan, m)}
    return {method: bare for method, bare in found.items() if bare}


def _surge(plan: Plan, method: str) -> bool:
    policy = plan.methods[method]
    return has_surge(None if policy is None else policy.get('layer') or {})


def _key(plan: Plan, method: str) -> str:
    """All that a method is but for its SURGE; real layers are no twin of any."""
    policy = plan.methods[method]
    if policy is not None:
        policy = {**policy, 'layer': {**(policy.get('layer') or {}), 'surge': None}}
    change = plan.change(method)
    config = {key: value for key, value in change.config.items() if key != ALLOWED}
    return json.dumps([policy, vars(change) | dict(config=config)], sort_keys=True, default=repr)


def _compared(section: Section) -> Compared:
    base, shared = section.plan.baseline, _pool(section)
    to_baseline = [_difference(section, shared, m, base) for m in section.methods if m != base]
    all_twins = [(m, bare) for m, several in twins(section.plan).items() for bare in several]
    pairs = [pair for pair in all_twins if set(pair) <= set(section.methods)]
    to_twin = [_difference(section, shared, m, bare) for m, bare in pairs if bare != base]
    return Compared(section, to_baseline, to_twin, _overall(section, shared, pairs), shared)


def _pool(section: Section) -> Optional[Pool]:
    """Without methods of which a run diverged: its 0 is no matter of luck."""
    diverged = {row.run.method for row in section.lost(DIVERGED) if row.part == SEEDS}
    return pool({m: section.values(m) for m in section.methods if m not in diverged})


def _difference(section: Section, shared: Optional[Pool], method: str, base: str) -> Difference:
    values = by_seed(section.values(method), section.values(base))
    return Difference(method, base, values, _pooled(shared, values, {method: 1, base: -1}))


def _pooled(shared: Optional[Pool], values: dict, weights: dict) -> Optional[Estimate]:
    """None where the spread of the differences themselves is to be taken."""
    return shared.contrast(weights) if shared and len(values) > 1 else None


def _overall(section: Section, shared: Optional[Pool], pairs: Sequence) -> list:
    """SURGE minus without, averaged over the methods on each seed that all of them have.

    Methods of one eta are averaged: another one is another question. Each counts
    once, with the rates that its tuning chose; and where the plan has a method at
    several rates, once more with the pair of one rate.
    """
    plan, rates = section.plan, section.best.get
    plain = [(m, bare) for m, bare in pairs if _is_plain(plan.methods[m])]
    means = []
    for eta in dict.fromkeys(_eta(plan.methods[m]) for m, _ in plain):
        same = [(m, bare) for m, bare in plain if _eta(plan.methods[m]) == eta]
        tuned = _first_of_each(plan, same)
        one = _first_of_each(plan, [(m, bare) for m, bare in same if rates(m) == rates(bare)])
        wanted = {WITH: tuned}
        if len(same) > len(tuned) and one != tuned:
            wanted[ONE_RATE] = one
        told = '' if eta == STRENGTH else f' (eta {eta:g})'
        means += [(each, label + told) for label, each in wanted.items() if len(each) > 1]
    return [_mean(section, shared, each, label) for each, label in means]


def _first_of_each(plan: Plan, pairs: Sequence) -> dict:
    """Method with SURGE to the same without, once whatever its rates."""
    first: dict = {}
    for method, bare in pairs:
        first.setdefault(_key(plan, method), (method, bare))
    return dict(first.values())


def _mean(section: Section, shared: Optional[Pool], plain: dict, label: str) -> Difference:
    each = {m: by_seed(section.values(m), section.values(bare)) for m, bare in plain.items()}
    each = {m: found for m, found in each.items() if found}
    if len(each) < 2:  # yet: the mean of one is that one
        each = {}
    seeds = [
        seed for seed in next(iter(each.values()), ()) if all(seed in e for e in each.values())
    ]
    means = {seed: mean(found[seed] for found in each.values()) for seed in seeds}
    weights: Counter = Counter()
    for method in each:
        weights.update({method: 1 / len(each), plain[method]: -1 / len(each)})
    told = label.format(len(each) or len(plain))
    return Difference(told, WITHOUT, means, _pooled(shared, means, weights))


def _eta(policy: dict) -> float:
    return (policy.get('layer', {}).get('surge') or {}).get('eta', STRENGTH)


def _is_plain(policy: dict) -> bool:
    """Whether it has SURGE as the paper has it: nothing but its strength is said."""
    return set(policy.get('layer', {}).get('surge') or ()) <= {'eta'}
