"""Tables of a study: the choice of rates, and the comparison on fresh seeds."""

from typing import Optional

from ...tables import BOLD, Column, Table
from ..plan import Plan
from ..statistics import centre_and_half, spread, without_nan
from .run import Run, best_rates

METRICS = ('AP', 'AP50')
PLUS_MINUS = '{:.3f} ± {:.3f}'
DIFFERENCE = '{:+.3f} ± {:.3f}'


def tuning_table(results: dict, plan: Plan, optimizer: str) -> Table:
    """AP / AP50 by method and learning rate; the best rate in bold."""
    title = f'{optimizer}, seed {plan.tune_seed}: AP / AP50'
    rates = plan.all_rates(optimizer)
    columns = [Column(f'lr {lr:g}', f'lr {lr:g}', '{:.3f} / {:.3f}') for lr in rates]
    rows = [
        _tuning_row(results, plan, optimizer, method)
        for method in plan.methods
        if plan.tuned(optimizer, method)
    ]
    return Table([Column(title, 'method'), *columns], rows)


def _tuning_row(results: dict, plan: Plan, optimizer: str, method: str) -> dict:
    row, done = dict(method=method), {}
    for lr in plan.all_rates(optimizer):
        result = results.get(Run(optimizer, method, lr, plan.tune_seed))
        ended = [word for word in ('failed', 'diverged') if result and result.get(word)]
        if ended:
            row[f'lr {lr:g}'] = ended[0]
        elif result:
            row[f'lr {lr:g}'] = [result[metric] for metric in METRICS]
            done[f'lr {lr:g}'] = result['AP']
    row[BOLD] = [key for key, ap in done.items() if ap == max(done.values())]
    return row


def seed_table(results: dict, plan: Plan, optimizer: str) -> Table:
    """Mean and standard deviation over the seeds, and the difference to the
    baseline on the same seeds with its 95 % interval, not corrected for the
    number of comparisons. A diverged run counts as AP 0. ``(edge)``: the best
    rate is the lowest or highest of those tried."""
    best = best_rates(results, plan, optimizer)
    columns = [
        Column(optimizer, 'method'),
        Column('lr', 'lr'),
        Column('seeds', 'seeds'),
        *(Column(metric, metric, PLUS_MINUS) for metric in METRICS),
        *(
            Column(f'{metric} - {plan.baseline}, paired', f'{metric} difference', DIFFERENCE)
            for metric in METRICS
        ),
    ]
    rows = [_seed_row(results, plan, optimizer, best, method) for method in best]
    return Table(columns, [row for row in rows if row])


def _seed_row(results: dict, plan: Plan, optimizer: str, best: dict, method: str) -> dict:
    lr, rates = best[method], plan.rates(optimizer, method)
    found = [results.get(Run(optimizer, method, lr, seed)) for seed in plan.seeds_of(method)]
    found = [result for result in found if result]
    if not found:
        return {}
    lost = sum(result.get('diverged', False) for result in found)
    edge = len(rates) > 1 and lr in (max(rates), min(rates))
    row = dict(
        method=method,
        lr=f'{lr:g}' + ' (edge)' * edge,
        seeds=f'{len(found)}' + f', {lost} diverged' * bool(lost),
    )
    for metric in METRICS:
        row[metric] = without_nan(spread([result[metric] for result in found]))
        row[f'{metric} difference'] = _difference(results, plan, optimizer, best, method, metric)
    return row


def _difference(results, plan, optimizer, best, method, metric) -> Optional[list]:
    if method == plan.baseline or plan.baseline not in best:
        return None
    pairs = [
        [results.get(Run(optimizer, name, best[name], seed)) for name in (method, plan.baseline)]
        for seed in plan.seeds_of(method)
    ]
    found = [own[metric] - base[metric] for own, base in pairs if own and base]
    return without_nan(centre_and_half(found)) if found else None
