"""The table of detectors: times, ratios, values and AP."""

from collections.abc import Mapping
from statistics import median

from ...rounds import RATIO
from ...tables import Column, Table
from ..table import OPPONENTS, fastest, speedup

MET = ('torch float32', 'best int8')
PARTS = {'before': 'of it before', 'network': 'network', 'rest': 'rest'}


def parts_of(found: Mapping, detectors: Mapping) -> dict:
    """Label to the median seconds of each part, straight after a contest.

    Args:
        found (Mapping[str, Outcome]): By label.
        detectors (Mapping[str, Detector]): Those that were built.
    """
    return {
        label: {
            key: median(each[key] for each in detectors[label].parts[-len(one.seconds) :])
            for key in PARTS
        }
        for label, one in found.items()
        if one.counts
    }


def detectors_table(found: Mapping, parts: Mapping, ap: Mapping) -> Table:
    """A row per contestant, with how many times as fast as the best float32 and int8.

    Args:
        found (Mapping[str, Outcome]): By label.
        parts (Mapping[str, dict]): From :func:`parts_of`.
        ap (Mapping[str, float | str]): By label; may be empty.
    """
    columns = [
        Column('', 'contestant'),
        Column('ms', 'seconds', '{:.1f}', 1e3),
        *(Column(title, key, '{:.1f}', 1e3) for key, title in PARTS.items()),
    ]
    opponents = {title: fastest(found, OPPONENTS[title]) for title in MET}
    columns += [
        Column(f'x {opponents[title] or title} (25-75 %)', title, RATIO) for title in opponents
    ]
    columns.append(Column('error', 'error', '{:.1e}'))
    if ap:
        columns.append(Column('AP', 'AP', '{:.3f}'))
    rows = []
    for label, one in found.items():
        row = dict(contestant=label, error=one.error, AP=ap.get(label), seconds=one.why)
        if one.counts:
            row['seconds'] = median(one.seconds)
            row |= parts[label]
            for title, other in opponents.items():
                row[title] = speedup(found, label, other)[:3] if other else None
        rows.append(row)
    return Table(columns, rows)
