"""The table of a screening."""

from statistics import mean

from ..study.statistics import Difference, by_seed, corrected, spread
from ..tables import BOLD, Column, Table
from .compare import Screening


def regimes_table(screening: Screening) -> Table:
    """A row for each regime and method: accuracy and paired difference in percent.

    The difference to the first method has its 95 % interval, not corrected;
    bold are those that stand after Holm's correction over the whole table.
    """
    base = screening.methods[0]
    columns = [
        Column('regime', 'regime'),
        Column('method', 'method'),
        Column('lr', 'lr', '{:g}'),
        Column('seeds', 'seeds'),
        Column('accuracy, %', 'accuracy', '{:.1f} ± {:.1f}', 100),
        Column(f'minus {base.label}, paired', 'difference', '{:+.1f} ± {:.1f}', 100),
        Column("Holm's p", 'p', '{:.2g}'),
        Column('beyond 1', 'outside', '{:.2f}'),
        Column('growth', 'growth', 'short'),
    ]
    cells = [(regime, method) for regime in screening.regimes for method in screening.methods]
    others = [(regime, method) for regime, method in cells if method is not base]
    tested = corrected([_difference(screening, *cell) for cell in others])
    found = dict(
        zip(((regime.name, method.name) for regime, method in others), tested, strict=True)
    )
    rows = [_row(screening, *cell, found.get((cell[0].name, cell[1].name))) for cell in cells]
    return Table(columns, rows)


def _difference(screening: Screening, regime, method) -> Difference:
    own, base = (
        {seed: each.accuracy for seed, each in screening.fresh(regime, which).items()}
        for which in (method, screening.methods[0])
    )
    return Difference(method.label, screening.methods[0].label, by_seed(own, base))


def _row(screening: Screening, regime, method, difference) -> dict:
    found = list(screening.fresh(regime, method).values())
    lost = sum(each.diverged for each in found)
    row = dict(
        regime=regime.name,
        method=method.label,
        lr=screening.best_rate(regime, method),
        seeds=f'{len(found)}' + f', {lost} diverged' * bool(lost),
        accuracy=_known(*spread([each.accuracy for each in found])),
        outside=mean(each.outside for each in found),
        growth=mean(each.growth for each in found),
    )
    if difference is not None:
        row['difference'] = _known(difference.mean, difference.half)
        row['p'] = None if difference.adjusted != difference.adjusted else difference.adjusted
        row[BOLD] = ['difference'] if difference.resolved else []
    return row


def _known(centre: float, half: float) -> list:
    return [centre] if half != half else [centre, half]
