"""The order of a report: what it says first, then tables and figures, then how it was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ....text import counted
from ...svg import drawn
from ...tables import Table
from ..plan import Plan
from ..runs import environments, tuning_table
from . import plots, tables
from .blocks import Bullets, Grid, Heading, Picture, Text
from .comparisons import Compared
from .findings import findings
from .gather import FAILED, Section
from .origin import parts_of_runs, where_trained, where_written
from .packed import packed_table
from .protocol import methods, protocol

READ = (
    '± behind a mean is the standard deviation over the seeds.',
    'Differences are paired: the same seed, each method at a learning rate of its own. An interval '
    'in brackets is Student’s. Its spread is not that of the few differences by themselves but '
    'that of all methods of the plan together, whose AP luck moves alike; a method of which a run '
    'diverged has the spread of its own differences. Where one of two methods has more seeds than '
    'the other, the difference is that of means fitted to all runs, not that of the pairs alone.',
    'An interval of “this one alone” misses the true difference once in twenty times. With many '
    'of them some do. Those of “all together” are wider, so that with a chance of 95 % all of them '
    'hold at once (Bonferroni).',
    '`differs` follows from p after Holm’s correction, over all comparisons of AP that the plan '
    'asks, whether finished or not: with a chance of at least 95 % none of those called above or '
    'below is so by luck alone. It is not Benjamini and Hochberg’s correction, which bounds the '
    'share of false ones among them and would say less about each.',
    '“Not resolved” is no proof that two methods are equal: the interval says how far apart they '
    'may be.',
    '“SURGE on top, mean” counts each method once, with the rates that its tuning chose; “at one '
    'rate” once more, with a label of its own where those differ. The latter waits for all such '
    'labels, and leaves out a method that has none.',
    'A diverged run counts as AP 0. A failed run is in no mean and no difference.',
    'AP50 has no test here: one question, one family.',
    '(edge): the best of several rates is the lowest or highest of them.',
)


@dataclass(frozen=True)
class Part:
    """What a report says of one plan on one data set.

    Args:
        plan (Plan): The plan.
        compared (Sequence[Compared]): One per optimizer, corrected as one family.
        measured (Mapping | None): What ``costs.json`` holds.
    """

    plan: Plan
    compared: Sequence
    measured: Optional[Mapping] = None


def content(parts: Sequence, about: Mapping) -> list:
    """All blocks of a report.

    Args:
        parts (Sequence[Part]): One per data set; their methods are the same.
        about (Mapping): Command, date, machine and versions of who writes it.
    """
    plan = parts[0].plan
    found = [Heading(title(parts), 1), Text(protocol(plan)), *_unfinished(parts)]
    for number, part in enumerate(parts):
        found.append(Text(_data(part)))
        for place, one in enumerate(part.compared):
            found += _section(one, part.measured, f's{number}-{place}')
    sections = [one.section for part in parts for one in part.compared]
    found += _lost(sections)
    found += [Heading('How to read this'), Bullets(READ)]
    found += [*methods(plan), Heading('Environment and commands')]
    return found + where_trained(sections) + where_written(about, [each.measured for each in parts])


def _unfinished(parts: Sequence) -> list:
    """How much of the plan the report tells of, if not all."""
    total = sum(
        part.plan.count(optimizer, method)
        for part in parts
        for optimizer in part.plan.optimizers
        for method in part.plan.methods
    )
    rows = [row for part in parts for one in part.compared for row in one.section.rows]
    failed = sum(row.status == FAILED for row in rows)
    done = len(rows) - failed
    if done == total:
        return []
    told = f'{done} of {counted(total, "run")} are finished' + f', {failed} failed' * bool(failed)
    more = ' What follows will change with the others.' if done + failed < total else ''
    return [Text(f'**This comparison is not complete: {told}.**{more}')]


def title(parts: Sequence) -> str:
    """What the report is called."""
    names = [part.plan.dataset or Path(part.plan.config).stem for part in parts]
    return f'Comparison of methods: {", ".join(names)}'


def _data(part: Part) -> str:
    family = next((each.family for one in part.compared for each in one.all), 0)
    name = f'{part.plan.dataset}: ' * bool(part.plan.dataset)
    several = counted(family, 'comparison')
    return f'{name}`{Path(part.plan.config).name}`; {several} of AP, corrected together.'


def _section(one: Compared, measured: Optional[Mapping], name: str) -> list:
    section = one.section
    base = section.plan.baseline
    return [
        Heading(section.title),
        Heading('What this says', 3),
        Bullets(findings(one)),
        Heading('Accuracy', 3),
        Grid(
            f'{section.title}: AP and AP50 of each method, and its difference to {base}.',
            tables.headline(one),
        ),
        *_forest(one, name),
        *_dots(section, name),
        *_curves(section, name),
        Grid(f'{section.title}: every paired comparison of AP.', tables.comparisons(one)),
        *_packed(section),
        *_rates(section),
        Heading('Costs', 3),
        *_costs(section, measured, name),
    ]


def _packed(section: Section) -> list:
    table = packed_table(section)
    if not table.rows:
        return []
    caption = (
        f'{section.title}: AP of the packed detectors on the same images, of the runs of the '
        'comparison whose packed detector was validated.'
    )
    return [Heading('Packed', 3), Grid(caption, table)]


def _rates(section: Section) -> list:
    tried = tuning_table_of(section)
    if not tried.rows:
        return []
    caption = (
        f'{section.title}: AP / AP50 of the tuning runs, which no comparison uses; the best rate '
        'is bold.'
    )
    return [Heading('Learning rates tried', 3), Grid(caption, tried)]


def tuning_table_of(section: Section) -> Table:
    """The results of the tuning, a column per learning rate."""
    results = {
        row.run: dict(AP=row.ap, AP50=row.ap50, diverged=row.diverged, failed=row.failed)
        for row in section.rows
    }
    return tuning_table(results, section.plan, section.optimizer)


def _forest(one: Compared, name: str) -> list:
    rows = [each for each in one.all if each.values]
    if not rows:
        return []
    told = '; '.join(f'{e.method} minus {e.base} {e.mean:+.3f}, {tables.verdict(e)}' for e in rows)
    caption = (
        f'Difference in AP to {one.section.plan.baseline}, where nothing else is named. Thick: '
        '95 % interval of this comparison alone, uncorrected. Thin: 95 % interval for all '
        'comparisons together, corrected. Filled and coloured: resolved after the correction.'
    )
    svg = drawn(plots.height(len(rows)), plots.forest, one)
    return [Picture(f'{name}-forest', svg, caption, f'Forest plot of paired differences: {told}')]


def _dots(section: Section, name: str) -> list:
    methods = [m for m in section.methods if section.values(m)]
    if not methods:
        return []
    told = '; '.join(
        f'{m} {", ".join(f"{v:.3f}" for v in section.values(m).values())}' for m in methods
    )
    caption = 'AP of each seed; a bar at the mean, a cross for a run that diverged.'
    svg = drawn(plots.height(len(methods)), plots.dots, section)
    return [Picture(f'{name}-dots', svg, caption, f'AP of each seed: {told}')]


def _curves(section: Section, name: str) -> list:
    methods = [m for m in section.methods if len(plots.curve_points(section, m)) > 1]
    found = []
    for number, group in enumerate(plots.in_groups(methods, section.plan.baseline)):
        ends = {m: list(plots.curve_points(section, m).items())[-1] for m in group}
        told = '; '.join(
            f'{m} ends at {sum(aps) / len(aps):.3f} in epoch {epoch}'
            for m, (epoch, aps) in ends.items()
        )
        caption = (
            'AP over the epochs: the mean over the seeds, and the band from lowest to highest.'
        )
        svg = drawn(2.9 + 0.16 * len(group), plots.curves, section, group)
        found.append(Picture(f'{name}-curves{number}', svg, caption, f'Curves of AP: {told}'))
    return found


def _costs(section: Section, measured: Optional[Mapping], name: str) -> list:
    caption = (
        f'{section.title}. Training: seconds of an epoch without validation, and minutes of a '
        'whole run on all training images with validation, medians; runs beside each other slow '
        'each other down. MiB: the largest resident memory of a process. OPs are FLOPs + BOPs / 64 '
        'of one image.' + _mixed(section)
    )
    if measured is None:
        told = 'Operations, size and speed have not been measured: run the tool with `--costs`.'
        return [Grid(caption, tables.costs(section, None)), Text(told)]
    caption += (
        f' Files and times: {measured["weights"]} weights, {measured["image"]}, '
        f'{measured["threads"]} thread, {measured["machine"]}; methods took turns, medians of '
        f'{"processor" if measured["clock"] == "cpu" else "wall"} time from the image to the boxes.'
    )
    found = [Grid(caption, tables.costs(section, measured))]
    for key, label, scale in (
        ('seconds per image', 'ms per image', 1e3),
        ('bytes', 'MB of the file', 1e-6),
    ):
        points = plots.scatter_points(section, measured, key, scale)
        if points:
            told = '; '.join(f'{m} {x:.2f}, AP {y:.3f}' for m, x, y, _ in points)
            svg = drawn(2.9 + 0.16 * len(points) / 2, plots.scatter, points, label)
            caption = f'Mean AP against {label}. Hollow: not packed, runs in PyTorch.'
            word = label.split()[0].lower()
            found.append(Picture(f'{name}-{word}', svg, caption, f'AP against {label}: {told}'))
    return found


def _mixed(section: Section) -> str:
    """Where runs were trained in several environments, whose times are not of one kind."""
    count = len(environments(parts_of_runs([section])))
    if count < 2:
        return ''
    return (
        f' Its runs were trained in {count} environments (at the end of this page), so that times '
        'and memory of training compare roughly only.'
    )


def _lost(sections: Sequence) -> list:
    table = tables.lost_runs(sections)
    found = [Heading('Failed and diverged runs')]
    if not table.rows:
        return [*found, Text('None.')]
    return [*found, Grid('Runs that did not end with a validated detector.', table)]
