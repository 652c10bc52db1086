"""What a report says of its plan: the protocol, and each method as a config has it."""

from collections.abc import Sequence
from typing import Optional

from ....text import counted
from ...code_tables import written
from ...tables import Column, Table
from ..plan import Plan
from .blocks import Grid, Heading


def protocol(plan: Plan) -> str:
    """The first sentences of a report.

    Args:
        plan (Plan): Of all its parts.
    """
    return (
        f'{counted(len(plan.methods), "method")}, baseline {plan.baseline}, seeds '
        f'{", ".join(map(str, plan.seeds)) or "none"}{_more(plan)}. {_tuning(plan)}'
    )


def _tuning(plan: Plan) -> str:
    """How the learning rates were chosen."""
    tuned = [
        name
        for name in plan.methods
        if any(len(plan.rates(optimizer, name)) > 1 for optimizer in plan.optimizers)
    ]
    if not tuned:
        return 'Learning rates are those of the plan, which names one for each: none was tuned.'
    given = [name for name in plan.methods if name not in tuned]
    return (
        f'Learning rates were chosen on seed {plan.tune_seed}, by training on '
        f'{plan.tune_share:.0%} of the training images and validating on the rest of them, so that '
        'nothing was tuned on the images that are reported.'
        + f' The plan names a single one for {"; ".join(given)}.'
        * bool(given)
    )


def _more(plan: Plan) -> str:
    """Which methods have further seeds, in the words of the first sentence."""
    told = [f'{name} also {", ".join(map(str, own))}' for name, own in plan.more_seeds.items()]
    return f' ({"; ".join(told)})' if told else ''


def methods(plan: Plan) -> list:
    """The blocks of what was compared.

    Args:
        plan (Plan): Of all parts of the report.
    """
    changes = [plan.change(label) for label in plan.methods]
    columns = [
        Column('method', 'method'),
        Column('options of the binary layers', 'options'),
        Column('learning rates', 'rates'),
        Column('config beside them', 'config'),
        Column('teacher', 'teacher'),
        *([Column('further losses', 'losses')] if any(c.losses for c in changes) else []),
    ]
    rows = [
        dict(
            method=label,
            options='real layers' if policy is None else f'`{written(policy.get("layer", {}))}`',
            rates=_tried(plan, label),
            config=f'`{written(plan.change(label).config)}`' if plan.change(label).config else None,
            teacher=_teacher(plan, label),
            losses=_losses(plan.change(label).losses),
        )
        for label, policy in plan.methods.items()
    ]
    table = Table(columns, rows)
    return [Heading('What was compared'), Grid('Each method as a config has it.', table)]


def _tried(plan: Plan, label: str) -> str:
    """The rates of a method under each optimizer, whose name is told if there are several."""
    each = {
        name: ', '.join(f'{lr:g}' for lr in plan.rates(name, label)) for name in plan.optimizers
    }
    if len(each) == 1:
        return next(iter(each.values())) or '-'
    return '; '.join(f'{name} {rates or "-"}' for name, rates in each.items())


def _teacher(plan: Plan, label: str) -> Optional[str]:
    change = plan.change(label)
    if change.teacher is None:
        return None
    inherits = f', inherits {", ".join(change.inherit)}' if change.inherit else ''
    return f'{change.teacher}, {_losses(change.distillation)}{inherits}'


def _losses(cfgs: Sequence) -> Optional[str]:
    return f'`{", ".join(written(loss) for loss in cfgs)}`' if cfgs else None
