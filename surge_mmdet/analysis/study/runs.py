"""A study with a learning rate per method: its runs, choice and tables.

A comparison at one learning rate says as much about the rate as about the
methods. So each method is first trained with several rates on one seed; the
best one is then trained on seeds that the choice has not seen, and methods
are compared seed by seed.
"""

from dataclasses import dataclass
from math import isnan, sqrt
from statistics import mean, stdev

from scipy.stats import t as student

METRICS = ('AP', 'AP50')


@dataclass(frozen=True)
class Run:
    """One training of the study."""

    optimizer: str
    contestant: str
    lr: float
    seed: int

    @property
    def name(self) -> str:
        """A folder name."""
        words = '-'.join(self.contestant.replace('+', 'and').split())
        return f'{self.optimizer}_{words}_lr{self.lr:g}_seed{self.seed}'


def rates(plan, optimizer: str, contestant: str) -> tuple:
    """Learning rates to try: the contestant's own in the plan, if any."""
    setting = plan.optimizers[optimizer]
    return tuple(setting.get('own', {}).get(contestant, setting['lrs']))


def all_rates(plan, optimizer: str) -> list:
    """Every rate that some contestant tries, ascending."""
    return sorted(
        {lr for name in plan.contestants for lr in rates(plan, optimizer, name)}
        | set(plan.optimizers[optimizer]['lrs'])
    )


def tuning_runs(plan, optimizer: str) -> list:
    """Every contestant with each of its rates, on the tuning seed."""
    return [
        Run(optimizer, name, lr, plan.tune_seed)
        for name in plan.contestants
        for lr in rates(plan, optimizer, name)
    ]


def seed_runs(plan, optimizer: str, best: dict) -> list:
    """Every contestant with its best rate, seed by seed."""
    return [
        Run(optimizer, name, best[name], seed)
        for seed in plan.seeds
        for name in plan.contestants
        if name in best
    ]


def best_rates(results: dict, plan, optimizer: str) -> dict:
    """Contestant to the rate with the highest AP on the tuning seed.

    Args:
        results (dict): :class:`Run` to ``dict(AP=, AP50=)``.
        plan: The plan; only contestants whose rates are all done are chosen.
        optimizer (str): Name in the plan.
    """
    best = {}
    for name in plan.contestants:
        runs = [Run(optimizer, name, lr, plan.tune_seed) for lr in rates(plan, optimizer, name)]
        if runs and all(run in results for run in runs):
            best[name] = max(runs, key=lambda r: results[r]['AP']).lr
    return best


def spread(values: list) -> tuple:
    """Mean and sample standard deviation (NaN for a single value)."""
    return mean(values), stdev(values) if len(values) > 1 else float('nan')


def paired(values: list, base: list) -> tuple:
    """Mean of the differences and half of its 95 % interval (Student)."""
    differences = [a - b for a, b in zip(values, base, strict=True)]
    centre, deviation = spread(differences)
    count = len(differences)
    if count < 2:
        return centre, float('nan')
    half = student.ppf(0.975, count - 1) * deviation / sqrt(count)
    return centre, float(half)


def tuning_table(results: dict, plan, optimizer: str) -> str:
    """Markdown: AP / AP50 by contestant and learning rate."""
    columns = all_rates(plan, optimizer)
    lines = [
        f'| {optimizer}, seed {plan.tune_seed}: AP / AP50 | '
        + ' | '.join(f'lr {lr:g}' for lr in columns)
        + ' |',
        '|---|' + '---|' * len(columns),
    ]
    for name in plan.contestants:
        if not rates(plan, optimizer, name):
            continue
        cells = [results.get(Run(optimizer, name, lr, plan.tune_seed)) for lr in columns]
        best = max((c['AP'] for c in cells if c), default=None)
        lines.append(f'| {name} | ' + ' | '.join(_cell(c, best) for c in cells) + ' |')
    return '\n'.join(lines)


def _cell(row, best) -> str:
    if row is None:
        return '-'
    text = f'{row["AP"]:.3f} / {row["AP50"]:.3f}'
    if row.get('diverged'):
        return 'diverged'
    return f'**{text}**' if row['AP'] == best else text


def seed_table(results: dict, plan, optimizer: str) -> str:
    """Markdown: mean and standard deviation over the seeds, and the
    difference to the baseline on the same seeds with its 95 % interval, not
    corrected for the number of comparisons. A diverged run counts as AP 0.
    ``(edge)``: the best rate is the lowest or highest of those tried."""
    best = best_rates(results, plan, optimizer)
    lines = [
        f'| {optimizer} | lr | seeds | AP | AP50 | AP - '
        f'{plan.baseline}, paired | AP50 - {plan.baseline}, paired |',
        '|---|---|---|---|---|---|---|',
    ]
    for name, lr in best.items():
        seeds = [s for s in plan.seeds if Run(optimizer, name, lr, s) in results]
        if not seeds:
            continue
        lost = sum(results[Run(optimizer, name, lr, s)].get('diverged', False) for s in seeds)
        edge = lr == max(rates(plan, optimizer, name)) or lr == min(rates(plan, optimizer, name))
        cells = [f'{lr:g}' + ' (edge)' * edge, str(len(seeds)) + f', {lost} diverged' * bool(lost)]
        cells += [
            _with_half(
                '.3f', *spread([results[Run(optimizer, name, lr, s)][metric] for s in seeds])
            )
            for metric in METRICS
        ]
        cells += [_difference(results, plan, optimizer, best, name, metric) for metric in METRICS]
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def _difference(results, plan, optimizer, best, name, metric) -> str:
    if name == plan.baseline or plan.baseline not in best:
        return '-'
    pairs = [
        (
            results.get(Run(optimizer, name, best[name], seed)),
            results.get(Run(optimizer, plan.baseline, best[plan.baseline], seed)),
        )
        for seed in plan.seeds
    ]
    pairs = [(a[metric], b[metric]) for a, b in pairs if a and b]
    if not pairs:
        return '-'
    own, base = zip(*pairs, strict=True)
    return _with_half('+.3f', *paired(own, base))


def _with_half(form: str, centre: float, half: float) -> str:
    return f'{centre:{form}}' + ('' if isnan(half) else f' ± {half:.3f}')
