"""The pairs of methods of a plan that differ in SURGE alone, or in it and their rates."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..plan import Plan, but_for_rates, but_for_surge, with_surge


@dataclass(frozen=True)
class Pair:
    """A method with SURGE, and the same without.

    Args:
        method (str): Label of the one with SURGE.
        bare (str): Label of the one without.
        group (str): The same for all pairs that differ in their rates only.
        tuned (bool): Whether both have the rates of their tuning; a control
            has others, under a label of its own.
    """

    method: str
    bare: str
    group: str
    tuned: bool


def pairs(plan: Plan, optimizer: str) -> list:
    """What is asked of SURGE on top, whatever has been trained.

    A control is paired with the tuned one of the other side, or with a control
    that has the same rates.

    Args:
        plan (Plan): Whose policies are compared.
        optimizer (str): Name in the plan.

    Returns:
        list[Pair]: In the order of the plan; empty if it has no such methods.
    """
    asked = [method for method in plan.methods if plan.rates(optimizer, method)]
    found = []
    for method in filter(lambda each: with_surge(plan, each), asked):
        group, key = but_for_rates(plan, method), but_for_surge(plan, method)
        own = [m for m in asked if but_for_rates(plan, m) == group]
        bare = [m for m in asked if not with_surge(plan, m) and but_for_surge(plan, m) == key]
        for other in bare:
            tuned = {_tuned(plan, optimizer, own), _tuned(plan, optimizer, bare)} & {method, other}
            if tuned or plan.rates(optimizer, method) == plan.rates(optimizer, other):
                found.append(Pair(method, other, group, len(tuned) == 2))
    return found


def _tuned(plan: Plan, optimizer: str, labels: Sequence) -> str:
    """The label that chooses among most rates, the first of several."""
    return max(labels, key=lambda label: len(plan.rates(optimizer, label)))
