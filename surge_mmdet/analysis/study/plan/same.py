"""Which lines of a plan are one method, but for their learning rates or for their SURGE."""

import json

from ....methods import has_surge
from ....surge import SurgeConfig
from .plan import Plan

# What lets a large eta be trained beside a teacher changes nothing else.
ALLOWED = 'default_hooks.config_check.full_branch_beside_teacher'


def with_surge(plan: Plan, method: str) -> bool:
    """Whether the layers of a method train with SURGE."""
    policy = plan.methods[method]
    return has_surge(None if policy is None else policy.get('layer') or {})


def but_for_rates(plan: Plan, method: str) -> str:
    """All that a method is but for its learning rates: equal of two labels of one method.

    Args:
        plan (Plan): That has it.
        method (str): Its label.
    """
    options = (plan.methods[method] or {}).get('layer') or {}
    found = vars(SurgeConfig.parse(options.get('surge', {}))) if with_surge(plan, method) else None
    return json.dumps([but_for_surge(plan, method), found], sort_keys=True, default=repr)


def but_for_surge(plan: Plan, method: str) -> str:
    """The same without the options of SURGE; real layers are no twin of any.

    Args:
        plan (Plan): That has it.
        method (str): Its label.
    """
    policy = plan.methods[method]
    if policy is not None:
        policy = {**policy, 'layer': {**(policy.get('layer') or {}), 'surge': None}}
    change = plan.change(method)
    config = {key: value for key, value in change.config.items() if key != ALLOWED}
    return json.dumps([policy, vars(change) | dict(config=config)], sort_keys=True, default=repr)
