"""Where a detector's time goes, by kind of operation."""

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile

from ...tables import Column, Table

# The first kind with a word that is in an operator's name is its kind.
KINDS = {
    'binary convolutions': ('surge_mmdet::binary_conv',),
    'signs as bits': ('surge_mmdet::pack_signs',),
    'RoIAlign': ('roi_align', 'RoIAlign'),
    'suppression': ('nms', 'NMS'),
    'real convolutions': ('conv',),
    'linear layers': ('addmm', 'linear', 'matmul', 'aten::mm', 'bmm'),
    'norms': ('norm',),
    'activations': ('relu', 'hardtanh', 'sigmoid', 'softmax', 'exp', 'clamp'),
    'pooling and resizing': ('pool', 'upsample', 'interpolate'),
    'copies and layouts': (
        'copy',
        'clone',
        'contiguous',
        'cat',
        'aten::to',
        'empty',
        'fill',
        'zero',
    ),
    'choice of boxes': ('sort', 'topk', 'index', 'nonzero', 'gather', 'where', 'arange', 'select'),
}
OTHER, AROUND = 'other operators', 'Python between operators'


class Share(NamedTuple):
    """One kind of operation in a run."""

    kind: str
    seconds: float
    calls: int
    largest: str


def kind_of(operator: str) -> str:
    """The kind of an operator.

    Examples:
        >>> kind_of('aten::mkldnn_convolution'), kind_of('aten::add_')
        ('real convolutions', 'other operators')
    """
    return next((k for k, words in KINDS.items() if any(w in operator for w in words)), OTHER)


def shares(run: Callable, repeat: int = 5) -> list:
    """Seconds per run of each kind of operation, the largest first.

    The profiler itself takes time for each call, so that many small operators
    look larger than they are.

    Args:
        run (Callable): What is profiled.
        repeat (int): Runs, after one that is not counted.
    """
    run()
    with profile(activities=[ProfilerActivity.CPU]) as recorded, torch.no_grad():
        with torch.profiler.record_function('whole'):
            for _ in range(repeat):
                run()
    events = recorded.key_averages()
    whole = next(e for e in events if e.key == 'whole')
    kinds = defaultdict(list)
    for event in events:
        if event.key != 'whole':
            kinds[kind_of(event.key)].append(event)
    found = [_share(kind, each, repeat) for kind, each in kinds.items()]
    found.append(Share(AROUND, whole.self_cpu_time_total / 1e6 / repeat, 0, ''))
    return sorted(found, key=lambda share: -share.seconds)


def _share(kind: str, events: list, repeat: int) -> Share:
    largest = max(events, key=lambda e: e.self_cpu_time_total)
    return Share(
        kind,
        sum(e.self_cpu_time_total for e in events) / 1e6 / repeat,
        round(sum(e.count for e in events) / repeat),
        f'{largest.key}, {largest.self_cpu_time_total / 1e3 / repeat:.2f} ms',
    )


def profile_table(found: list) -> Table:
    """A row per kind, from :func:`shares`."""
    whole = sum(share.seconds for share in found)
    rows = [{**share._asdict(), 'share': share.seconds / whole} for share in found]
    columns = [
        Column('operations', 'kind'),
        Column('ms', 'seconds', '{:.2f}', 1e3),
        Column('%', 'share', '{:.1f}', 100),
        Column('calls', 'calls'),
        Column('largest of them', 'largest'),
    ]
    return Table(columns, rows)
