"""The figures of a report, each drawn into one axes."""

from collections.abc import Mapping, Sequence
from math import isnan
from statistics import mean

from ...svg import INK, PAPER, QUIET, SERIES, series
from .comparisons import Compared
from .gather import DIVERGED, Section

ROW = 0.3  # inches for one line of a figure
MARKERS = 'osD^vPX*'
TOGETHER = 4  # curves beside the baseline's in one figure


def height(rows: int, least: float = 1.9) -> float:
    """Inches for so many lines, axis included."""
    return max(least, ROW * rows + 0.9)


def forest(axes, compared: Compared) -> None:
    """Paired differences with both kinds of intervals, a line each."""
    found = [each for each in compared.all if not isnan(each.mean)]
    names = [_named(each, compared) for each in found]
    for place, each in enumerate(found):
        colour = series(0) if each.resolved else QUIET
        for half, width in ((each.wide, 1), (each.half, 4)):
            if not isnan(half):
                ends = [each.mean - half, each.mean + half]
                axes.plot(ends, [place] * 2, color=colour, lw=width, solid_capstyle='butt')
        inside = colour if each.resolved else PAPER
        axes.plot([each.mean], [place], 'o', color=colour, ms=4.5, mfc=inside, mew=1.5)
    axes.axvline(0, color=INK, lw=1)
    _lines(axes, names)
    axes.locator_params(axis='x', nbins=4, min_n_ticks=3)
    axes.set_xlabel('difference in AP')


def _named(each, compared: Compared) -> str:
    if each.base == compared.section.plan.baseline:
        return each.method
    return f'{each.method}\nminus {each.base}'


def dots(axes, section: Section) -> None:
    """AP of each run that is compared, a line per method; a bar at the mean."""
    methods = [method for method in section.methods if section.values(method)]
    for place, method in enumerate(methods):
        values = section.values(method)
        axes.plot([mean(values.values())] * 2, [place - 0.32, place + 0.32], color=INK, lw=2)
        lost = {row.run.seed for row in section.lost(DIVERGED, method)}
        for seed, value in values.items():
            mark = 'x' if seed in lost else 'o'
            axes.plot([value], [place], mark, color=series(0), ms=6, alpha=0.75)
    _lines(axes, methods)
    axes.set_xlabel('AP of each seed')


def _lines(axes, names: Sequence) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)  # the first on top
    axes.grid(axis='y', visible=False)
    axes.tick_params(axis='y', length=0)


def curves(axes, section: Section, methods: Sequence) -> None:
    """Validation AP over the epochs: mean over the seeds, and the range of the seeds."""
    for index, method in enumerate(methods):
        by_epoch = curve_points(section, method)
        epochs = list(by_epoch)
        middle = [mean(values) for values in by_epoch.values()]
        axes.fill_between(
            epochs,
            [min(values) for values in by_epoch.values()],
            [max(values) for values in by_epoch.values()],
            color=series(index),
            alpha=0.18,
            lw=0,
        )
        axes.plot(
            epochs, middle, color=series(index), lw=1.8, marker=MARKERS[index], ms=4, label=method
        )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel('epoch')
    axes.set_ylabel('AP on the validation images')
    axes.legend(loc='upper left', bbox_to_anchor=(0, -0.18), ncols=2, fontsize=8)


def curve_points(section: Section, method: str) -> dict:
    """Epoch to the AP of all seeds that have it, ascending."""
    found: dict = {}
    for row in section.seeds(method):
        for epoch, ap, *_ in row.curve:
            found.setdefault(epoch, []).append(ap)
    return dict(sorted(found.items()))


def in_groups(methods: Sequence, baseline: str) -> list:
    """A few methods at a time, the baseline with each of them.

    Examples:
        >>> in_groups(['FP32', 'STE', 'a', 'b', 'c', 'd'], 'STE')
        [['STE', 'FP32', 'a', 'b', 'c'], ['STE', 'd']]
    """
    first = [method for method in methods if method == baseline]
    rest = [method for method in methods if method != baseline]
    groups = [rest[i : i + TOGETHER] for i in range(0, len(rest), TOGETHER)]
    return [first + group for group in groups] or [first] * bool(first)


def scatter(axes, points: Sequence, label: str) -> None:
    """Mean AP against a cost; methods that cannot be packed are hollow."""
    for index, (method, x, y, packed) in enumerate(points):
        axes.plot(
            [x],
            [y],
            MARKERS[(index + index // SERIES) % len(MARKERS)],
            color=series(index),
            mfc=series(index) if packed else 'none',
            ms=7,
            ls='none',
            label=method,
        )
    axes.set_xscale('log')
    _plain_ticks(axes.xaxis)
    axes.set_xlabel(label)
    axes.set_ylabel('AP')
    axes.legend(loc='upper left', bbox_to_anchor=(0, -0.2), ncols=2, fontsize=8)


def _plain_ticks(axis) -> None:
    """1, 2, 5, 10 and so on, in digits."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FormatStrFormatter('%g'))
    axis.set_minor_formatter(NullFormatter())


def scatter_points(section: Section, measured: Mapping, key: str, scale: float) -> list:
    """(method, cost, mean AP, whether it runs packed) of all methods that have both."""
    found = []
    for method in section.methods:
        values, cost = section.values(method), measured['methods'].get(method, {})
        if values and key in cost:
            packed = cost['form'].startswith('packed')
            found.append((method, cost[key] * scale, mean(values.values()), packed))
    return found
