"""Which methods are compared with which, and how that came out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Optional

from ....methods import STRENGTH
from ..plan import but_for_rates
from ..statistics import Difference, Estimate, Pool, by_seed, corrected, pool
from .gather import DIVERGED, SEEDS, Section
from .pairs import Pair, pairs

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
        section = self.section
        asked = {(pair.method, pair.bare) for pair in pairs(section.plan, section.optimizer)}
        return [each for each in self.all if (each.method, each.base) in asked]

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


def _compared(section: Section) -> Compared:
    base, shared = section.plan.baseline, _pool(section)
    to_baseline = [_difference(section, shared, m, base) for m in section.methods if m != base]
    asked = pairs(section.plan, section.optimizer)
    to_twin = [_difference(section, shared, p.method, p.bare) for p in asked if p.bare != base]
    return Compared(section, to_baseline, to_twin, _overall(section, shared, asked), shared)


def _pool(section: Section) -> Optional[Pool]:
    """Without methods of which a run diverged: its 0 is no matter of luck.

    Two labels of one method whose tuning came to one rate are one training,
    and count once.
    """
    diverged = {row.run.method for row in section.lost(DIVERGED) if row.part == SEEDS}
    trained = {}
    for method in section.methods:
        if method not in diverged:
            training = but_for_rates(section.plan, method), section.best.get(method)
            trained.setdefault(training, method)
    return pool({method: section.values(method) for method in trained.values()})


def _difference(section: Section, shared: Optional[Pool], method: str, base: str) -> Difference:
    values = by_seed(section.values(method), section.values(base))
    return Difference(method, base, values, _pooled(shared, values, {method: 1, base: -1}))


def _pooled(shared: Optional[Pool], values: dict, weights: dict) -> Optional[Estimate]:
    """None where the spread of the differences themselves is to be taken."""
    return shared.contrast(weights) if shared and len(values) > 1 else None


def _overall(section: Section, shared: Optional[Pool], asked: Sequence) -> list:
    """SURGE minus without, averaged over the methods on each seed that all of them have.

    Methods of one eta are averaged: another one is another question. Each counts
    once, with the rates that its tuning chose; and once more in a mean at one
    rate where the plan has controls.
    """
    plain = [pair for pair in asked if _is_plain(section.plan.methods[pair.method])]
    means = []
    for eta in dict.fromkeys(_eta(section.plan.methods[pair.method]) for pair in plain):
        same = [pair for pair in plain if _eta(section.plan.methods[pair.method]) == eta]
        tuned = [pair for pair in same if pair.tuned]
        if len(tuned) < 2:
            continue
        told = '' if eta == STRENGTH else f' (eta {eta:g})'
        means.append(_mean(section, shared, tuned, WITH + told))
        if len(same) > len(tuned):
            means.append(_mean(section, shared, _at_one_rate(section, same), ONE_RATE + told))
    return means


def _at_one_rate(section: Section, same: Sequence) -> list:
    """Of each method the first pair at one rate; none at all while a control is waited for."""
    found = []
    for group in dict.fromkeys(pair.group for pair in same):
        several = [pair for pair in same if pair.group == group]
        rates = [(section.best.get(pair.method), section.best.get(pair.bare)) for pair in several]
        one = [pair for pair, (a, b) in zip(several, rates, strict=True) if a == b is not None]
        if not one and len(several) > 1 or one and not _values(section, one[0]):
            return []
        found += one[:1]
    return found


def _values(section: Section, pair: Pair) -> dict:
    """Seed to the difference of a pair."""
    return by_seed(section.values(pair.method), section.values(pair.bare))


def _mean(section: Section, shared: Optional[Pool], several: Sequence, label: str) -> Difference:
    """With as many methods in its name as it has; none has a value while only one has."""
    each = {pair: found for pair in several if (found := _values(section, pair))}
    each = each if len(each) > 1 else {}
    seeds = [
        seed for seed in next(iter(each.values()), ()) if all(seed in e for e in each.values())
    ]
    means = {seed: mean(found[seed] for found in each.values()) for seed in seeds}
    weights: Counter = Counter()
    for pair in each:
        weights.update({pair.method: 1 / len(each), pair.bare: -1 / len(each)})
    told = label.format(len(each) or len(several) or 'these')
    return Difference(told, WITHOUT, means, _pooled(shared, means, weights))


def _eta(policy: dict) -> float:
    return (policy.get('layer', {}).get('surge') or {}).get('eta', STRENGTH)


def _is_plain(policy: dict) -> bool:
    """Whether it has SURGE as the paper has it: nothing but its strength is said."""
    return set(policy.get('layer', {}).get('surge') or ()) <= {'eta'}
