"""Tables of the inference benchmark: times, and how many times as fast ours are."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Optional

from ..rounds import ratio
from ..tables import Column, Table
from .contest import Outcome
from .layer_contest import BINARY_CHAIN, FLOAT_IN
from .layers import LayerSet

FASTER = '{:.2f} ({:.2f}-{:.2f}), {}'
TIMES = '{:.2f}'


def _torch(label: str, kind: str) -> bool:
    return label.startswith('torch') and kind == 'float32'


OPPONENTS: dict[str, Callable[[str, str], bool]] = {
    'torch float32': _torch,
    'best float32': lambda label, kind: kind == 'float32',
    'torch bfloat16': lambda label, kind: kind == 'bfloat16',
    'best int8': lambda label, kind: kind == 'int8',
    'OpenVINO binary': lambda label, kind: kind == 'binary',
}


def fastest(found: Mapping, wanted: Callable[[str, str], bool]) -> Optional[str]:
    """Label of the fastest that counts and is ``wanted(label, kind)``; None without one.

    Args:
        found (Mapping[str, Outcome]): By label.
    """
    those = [label for label, one in found.items() if one.counts and wanted(label, one.kind)]
    return min(those, key=lambda label: median(found[label].seconds), default=None)


def speedup(found: Mapping, label: str, other: Optional[str]) -> Optional[list]:
    """How many times as fast as ``other``: median of the rounds, quartiles, its name."""
    if other is None:
        return None
    return [*ratio(found[other].seconds, found[label].seconds), other]


def times_table(results: Mapping) -> Table:
    """A row per contestant: per layer the time, and how many times as fast as torch float32.

    Args:
        results (Mapping[str, Mapping[str, Outcome]]): By layer, by label.
    """
    columns, rows = [Column('', 'contestant')], {}
    for layer, found in results.items():
        base = fastest(found, _torch)
        columns += [
            Column(f'{layer}: ms', f'{layer} seconds', '{:.3f}', 1e3),
            Column('x', f'{layer} x', TIMES),
        ]
        for label, one in found.items():
            row = rows.setdefault(label, dict(contestant=label))
            row.update(
                {
                    f'{layer} seconds': median(one.seconds) if one.counts else one.why,
                    f'{layer} x': _ratio(found, label, base),
                    f'{layer} error': one.error,
                }
            )
    return Table(columns, list(rows.values()))


def _ratio(found: Mapping, label: str, base: Optional[str]) -> Optional[float]:
    if base is None or not found[label].counts:
        return None
    return speedup(found, label, base)[0]


def ratios_table(layers: LayerSet, results: Mapping) -> Table:
    """A row per layer and form of ours, a column per opponent.

    Args:
        layers (LayerSet): The layers of ``results``.
        results (Mapping[str, Mapping[str, Outcome]]): By layer, by label.
    """
    columns = [
        Column('layer', 'layer'),
        Column('ours', 'ours'),
        Column('GMAC/s', 'speed', '{:.0f}', 1e-9),
        *(Column(f'over {title}', title, FASTER) for title in OPPONENTS),
    ]
    rows = []
    for layer, found in results.items():
        for label, one in found.items():
            if one.kind == 'ours':
                rows.append(
                    dict(
                        layer=layer,
                        ours=label,
                        speed=layers.layers[layer].macs / median(one.seconds)
                        if one.counts
                        else one.why,
                        **(_opponents(found, label) if one.counts else {}),
                    )
                )
    return Table(columns, rows)


def _opponents(found: Mapping, label: str) -> dict:
    # A chain of binary layers reads bits; what starts from floats meets what does.
    met = {other: one for other, one in found.items() if (label, other) != (FLOAT_IN, BINARY_CHAIN)}
    return {
        title: speedup(found, label, fastest(met, wanted)) for title, wanted in OPPONENTS.items()
    }


def raw(results: Mapping[str, Mapping[str, Outcome]]) -> dict:
    """Every round's time, for the JSON of a run."""
    return {
        layer: {label: vars(one) for label, one in found.items()}
        for layer, found in results.items()
    }
